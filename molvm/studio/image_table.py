"""Images of a run as a table that can be filtered, sorted and taken away."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from molvm.chem.formats.spreadsheet import guarded
from molvm.images.files import png_bytes
from molvm.images.image import Image
from molvm.runs.image_records import ImageRecord

MOST_IMAGES: Final = 2_000
"""More of a run are not shown at once."""

COLUMNS: Final = ("id", "prompt", "value", "failure", "stage", "reason", "iteration")


@dataclass(frozen=True, eq=False)
class ImageTable:
    """Images, and one row of what is known of each.

    Args:
        images: As generated.
        rows: One an image, in the same order, with `COLUMNS`; the index counts from 0.
        reward: What the values are of.
    """

    images: tuple[Image, ...]
    rows: pd.DataFrame
    reward: str

    def __len__(self) -> int:
        return len(self.images)

    @property
    def prompts(self) -> list[str]:
        """What was asked for, each once, sorted."""
        return sorted(self.rows["prompt"].unique())

    def chosen(
        self,
        prompts: Sequence[str] = (),
        values: tuple[float, float] | None = None,
        *,
        by: str = "value",
        descending: bool = True,
    ) -> list[int]:
        """The images that pass, in order; those without a value come last.

        Args:
            prompts: Of these prompts; of any if there are none.
            values: Smallest and largest value; those without one then do not pass.
            by: The column to sort by.
            descending: Largest first.
        """
        rows = self.rows
        if prompts:
            rows = rows[rows["prompt"].isin(prompts)]
        if values is not None:
            rows = rows[rows["value"].between(*values)]
        return [int(index) for index in rows.sort_values(by, ascending=not descending, kind="stable").index]


def table_of_images(records: Iterable[ImageRecord], reward: str) -> ImageTable:
    """The images that a run has recorded."""
    kept = list(records)
    rows = pd.DataFrame([_row(record) for record in kept], columns=list(COLUMNS))
    return ImageTable(tuple(record.image for record in kept), rows, reward)


def as_zip(table: ImageTable, chosen: Sequence[int]) -> bytes:
    """PNG files, numbered in their order, and `images.csv` with their rows."""
    buffer = io.BytesIO()
    names = [f"{place:04d}.png" for place in range(1, len(chosen) + 1)]
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, index in zip(names, chosen, strict=True):
            archive.writestr(name, png_bytes(table.images[index]))
        rows = table.rows.loc[list(chosen)].assign(file=names)
        archive.writestr("images.csv", rows.map(guarded).to_csv(index=False))
    return buffer.getvalue()


def _row(record: ImageRecord) -> tuple[object, ...]:
    value = math.nan if record.value is None else record.value
    image = record.image
    return image.id, image.prompt, value, record.failure, record.stage, record.reason, record.iteration
