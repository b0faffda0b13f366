"""Images as PNG files, and many of them side by side as one."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from molvm.durable import published
from molvm.errors import ImageError
from molvm.images.image import Image
from molvm.images.pillow import pillow

GAP: Final = 2
"""Pixels between the images of a grid."""

SMALLEST: Final = 64
"""Images of a grid are enlarged to about so many pixels, by a whole factor, so that people see something."""

STACKED: Final = 8
"""Images side by side where rows stand above one another."""

GRID_FILE: Final = "grid.png"
TABLE_FILE: Final = "images.csv"


def png_bytes(image: Image) -> bytes:
    """The image as a PNG file."""
    buffer = io.BytesIO()
    image.pil().save(buffer, format="PNG")
    return buffer.getvalue()


def read_png(data: bytes, id: str = "") -> Image:
    """The inverse of `png_bytes`.

    Raises:
        ImageError: It is no image.
    """
    try:
        return Image.from_pil(pillow().open(io.BytesIO(data)), id)
    except OSError as error:
        raise ImageError(f"The image {id!r} cannot be read: {error}.", remedy="a fresh copy") from error


def grid_of(images: Sequence[Image], columns: int | None = None) -> Image:
    """Images side by side, row by row, small ones enlarged without smoothing; RGB if one of them is.

    Args:
        images: One or more, all of one size.
        columns: How many to a row; about as many as rows by default.

    Raises:
        ImageError: There are none, or their sizes differ.
    """
    sizes = {image.pixels.shape[:2] for image in images}
    if len(sizes) != 1:
        raise ImageError(f"There are images of {len(sizes)} sizes for a grid.", allowed="one or more of one size")
    height, width = sizes.pop()
    factor = max(1, SMALLEST // max(height, width))
    channels = max(image.pixels.shape[2] for image in images)
    across = columns or math.ceil(math.sqrt(len(images)))
    step = (factor * height + GAP, factor * width + GAP)
    sheet = np.full((-(-len(images) // across) * step[0] - GAP, across * step[1] - GAP, channels), 255, np.uint8)
    for place, image in enumerate(images):
        top, left = place // across * step[0], place % across * step[1]
        large = image.pixels.repeat(factor, axis=0).repeat(factor, axis=1)
        sheet[top : top + factor * height, left : left + factor * width] = large
    return Image(sheet, "grid")


def stacked_grid(rows: Sequence[Sequence[Image]], columns: int = STACKED) -> Image:
    """Several rows of as many images each, one above the other; long ones are folded together, so that they stay so.

    Args:
        rows: What belongs together stands in one place of each row.
        columns: Images side by side, at most.

    Raises:
        ImageError: There are none, or their sizes or the lengths of the rows differ.
    """
    if len({len(row) for row in rows}) != 1 or not rows[0]:
        raise ImageError(f"Rows of {[len(row) for row in rows]} images cannot be stacked.", allowed="as many in each")
    across = min(columns, len(rows[0]))
    nothing = Image(np.full_like(rows[0][0].pixels, 255))
    placed: list[Image] = []
    for start in range(0, len(rows[0]), across):
        for row in rows:
            part = list(row[start : start + across])
            placed += part + [nothing] * (across - len(part))
    return grid_of(placed, across)


def write_grid(path: Path, images: Sequence[Image], columns: int | None = None, *, overwrite: bool = False) -> None:
    """Write `grid_of` the images as a PNG file, whole or not at all.

    Raises:
        OutputExistsError: There is something at `path`, or it cannot be written.
    """
    data = png_bytes(grid_of(images, columns))
    with published(path, overwrite=overwrite) as part:
        part.write_bytes(data)


def write_folder(path: Path, images: Sequence[Image], table: str = "", grid: Image | None = None) -> int:
    """A new folder with a PNG file of each image by its id, a grid of all, and a table of what is known of them.

    Args:
        path: The folder.
        images: Of different ids.
        table: What is known of them, as CSV; none is written if it is empty.
        grid: All side by side, `grid_of` them by default.

    Returns:
        The number of images.

    Raises:
        OutputExistsError: There is something at `path`, or it cannot be written.
        ImageError: Two images have one id.
    """
    if len({image.id for image in images}) != len(images):
        raise ImageError("Two images have one id.", remedy="different ids")
    with published(path, parents=True) as part:
        part.mkdir()
        for image in images:
            (part / f"{image.id}.png").write_bytes(png_bytes(image))
        if images:
            (part / GRID_FILE).write_bytes(png_bytes(grid or grid_of(images)))
        if table:
            (part / TABLE_FILE).write_text(table, encoding="utf-8")
    return len(images)
