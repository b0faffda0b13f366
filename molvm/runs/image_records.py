"""One scored image as one row of a Parquet file, and back, without loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from molvm.images.files import png_bytes, read_png, write_grid
from molvm.images.image import Image
from molvm.runs.records import Column, Record


@dataclass(frozen=True, eq=False)
class ImageRecord(Record):
    """An image that a run has made, and what it was worth.

    Args:
        image: As generated; its id is unique within the run.
    """

    image: Image

    @property
    def sample(self) -> Image:
        """The image."""
        return self.image

    @property
    def key(self) -> str:
        """The digest of the pixels."""
        return self.image.digest

    @classmethod
    def known_of(cls, sample: Image) -> dict[str, Any]:
        """The image."""
        return {"image": sample}

    @classmethod
    def known_from(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        """The image."""
        return {"image": replace(read_png(row["png"], row["id"]), prompt=row["prompt"])}

    def own_row(self) -> dict[str, Any]:
        """The values of `own_columns`."""
        return {"prompt": self.image.prompt, "png": png_bytes(self.image)}

    @classmethod
    def own_columns(cls) -> list[Column]:
        """The columns of the image itself."""
        import pyarrow as pa

        return [
            ("prompt", pa.string(), "what the image was asked to show: the name of a class, or a text"),
            ("png", pa.binary(), "the image as a PNG file"),
        ]

    @classmethod
    def distances(cls, records: Sequence[Self]) -> NDArray[np.float64]:
        """Root mean square differences of the pixels, from black to white 1."""
        pixels = np.array([record.image.pixels.ravel() for record in records], dtype=np.float64) / 255
        return np.array([np.sqrt(((pixels - each) ** 2).mean(axis=1)) for each in pixels])

    @classmethod
    def write_best(cls, path: Path, records: Sequence[Self], reward: str) -> None:  # noqa: ARG003 - a picture has no fields
        """Write the images side by side."""
        if records:
            write_grid(path, [record.image for record in records], overwrite=True)
