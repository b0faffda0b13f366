"""What is to be scored, if it is images. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from molvm.images.files import read_png
from molvm.images.folder import SUFFIXES, is_image_folder, read_folder
from molvm.images.image import Image


def images_given(source: Any) -> list[Image] | None:
    """The images of a file or a folder, or those of a list, of molvm or Pillow; None if it holds something else.

    Raises:
        InputFileError: The table of the folder is damaged.
        ImageError: One cannot be read.
    """
    if isinstance(source, Path | str):
        path = Path(source)
        if is_image_folder(path):
            return read_folder(path)
        return [read_png(path.read_bytes(), path.stem)] if path.suffix.lower() in SUFFIXES and path.is_file() else None
    if not isinstance(source, Sequence) or not source or not all(map(_is_image, source)):
        return None
    return [_image(one, str(number)) for number, one in enumerate(source, start=1)]


def _is_image(one: object) -> bool:
    """Whether it is an image, without importing Pillow."""
    return isinstance(one, Image) or any(each.__module__ == "PIL.Image" for each in type(one).__mro__)


def _image(one: Any, number: str) -> Image:
    if isinstance(one, Image):
        return one if one.id else replace(one, id=number)
    return Image.from_pil(one, number)
