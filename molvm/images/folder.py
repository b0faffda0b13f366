"""A folder of image files, as `molvm sample` leaves one or anybody else."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from molvm.errors import InputFileError
from molvm.images.files import GRID_FILE, TABLE_FILE, read_png
from molvm.images.image import Image

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def is_image_folder(path: Path) -> bool:
    """Whether a folder holds images."""
    return path.is_dir() and bool(_files(path))


def read_folder(path: Path) -> list[Image]:
    """The images of a folder in the order of their names, with the prompts that `images.csv` has; no grid of them.

    Raises:
        InputFileError: There are none, or the table is damaged.
        ImageError: One cannot be read.
    """
    files = _files(path)
    if not files:
        raise InputFileError(f"There are no images in {path}.", allowed=", ".join(SUFFIXES))
    prompts = _prompts(path / TABLE_FILE)
    return [replace(read_png(file.read_bytes(), file.stem), prompt=prompts.get(file.stem, "")) for file in files]


def _files(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and each.name != GRID_FILE)


def _prompts(table: Path) -> Mapping[str, str]:
    if not table.is_file():
        return {}
    try:
        with table.open(encoding="utf-8", newline="") as file:
            return {row["id"]: row["prompt"] for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise InputFileError(f"The table {table} cannot be read: {error!r:.200}.", remedy="removing it") from error
