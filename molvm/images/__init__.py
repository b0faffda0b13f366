"""Images without torch: the record that rewards judge, and files of them."""

from __future__ import annotations

from molvm.images.files import grid_of, png_bytes, read_png, stacked_grid, write_folder, write_grid
from molvm.images.folder import is_image_folder, read_folder
from molvm.images.image import Image

__all__ = [
    "Image",
    "grid_of",
    "is_image_folder",
    "png_bytes",
    "read_folder",
    "read_png",
    "stacked_grid",
    "write_folder",
    "write_grid",
]
