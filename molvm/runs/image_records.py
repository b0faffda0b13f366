"""One scored image as one row of a Parquet file, and back, without loss."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molvm.images.files import png_bytes, read_png, write_grid
from molvm.images.image import Image
from molvm.rewards.base import Outcome

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, eq=False)
class ImageRecord:
    """An image that a run has made, and what it was worth.

    Args:
        image: As generated; its id is unique within the run.
        iteration: When it was made, from 0.
        worth: The value, its negative for a reward to minimise, or the floor.
        value: The reward, or None when it failed.
        failure: The failure's kind, or None.
        stage: The check or step that failed, or None.
        reason: Why, for people, or None.
        seconds: What the reward took.
        log_weight: log dP*/dP^u + log Z of its path.
        details: What the reward has to say besides, such as the values of its terms.
        within_bounds: Whether it keeps the bounds of the reward; None if it failed or there are none.
    """

    image: Image
    iteration: int
    worth: float
    value: float | None
    failure: str | None
    stage: str | None
    reason: str | None
    seconds: float
    log_weight: float
    details: Mapping[str, float | str] = field(default_factory=dict)
    within_bounds: bool | None = None

    @property
    def key(self) -> str:
        """Equal images have one."""
        return self.image.digest

    @classmethod
    def of(
        cls,
        image: Image,
        outcome: Outcome,
        *,
        iteration: int,
        worth: float,
        log_weight: float,
        within_bounds: bool | None = None,
    ) -> ImageRecord:
        """The record of an image and its outcome."""
        failure = outcome.failure
        return cls(
            image=image,
            iteration=iteration,
            worth=worth,
            value=outcome.value,
            failure=failure.kind if failure else None,
            stage=failure.stage if failure else None,
            reason=failure.reason if failure else None,
            seconds=outcome.seconds,
            log_weight=log_weight,
            details=outcome.details,
            within_bounds=within_bounds,
        )

    def row(self) -> dict[str, Any]:
        """The columns of `image_schema`."""
        same = ("iteration", "value", "failure", "stage", "reason", "seconds", "log_weight", "within_bounds")
        return {
            "id": self.image.id,
            "prompt": self.image.prompt,
            "reward": self.worth,
            "details": json.dumps(dict(self.details)),
            "png": png_bytes(self.image),
            **{name: getattr(self, name) for name in same},
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ImageRecord:
        """The inverse of `row`."""
        same = ("iteration", "value", "failure", "stage", "reason", "seconds", "log_weight", "within_bounds")
        return cls(
            image=replace(read_png(row["png"], row["id"]), prompt=row["prompt"]),
            worth=row["reward"],
            details=json.loads(row["details"]),
            **{name: row[name] for name in same},
        )


def image_schema() -> pyarrow.Schema:
    """The columns, each with its meaning as metadata."""
    import pyarrow as pa

    columns: list[tuple[str, Any, str]] = [
        ("id", pa.string(), "iteration-number, unique within the run"),
        ("iteration", pa.int32(), "from 0"),
        ("prompt", pa.string(), "what the image was asked to show: the name of a class, or a text"),
        ("reward", pa.float64(), "the value, its negative to minimise, or the floor"),
        ("value", pa.float64(), "the reward; null when it failed"),
        ("failure", pa.string(), "kind of failure"),
        ("stage", pa.string(), "check or step that failed"),
        ("reason", pa.string(), "why it failed"),
        ("seconds", pa.float64(), "time of the evaluation"),
        ("log_weight", pa.float64(), "log dP*/dP^u + log Z of the path"),
        ("details", pa.string(), "what the reward says besides, as JSON: the values of its terms, for instance"),
        ("within_bounds", pa.bool_(), "whether it keeps the reward's bounds; null without bounds or value"),
        ("png", pa.binary(), "the image as a PNG file"),
    ]
    return pa.schema([pa.field(name, kind, metadata={"description": text}) for name, kind, text in columns])


def write_best_images(path: Path, records: Sequence[ImageRecord], reward: str) -> None:  # noqa: ARG001 - of all kinds
    """Write the best images side by side, the best first."""
    if records:
        write_grid(path, [record.image for record in records], overwrite=True)
