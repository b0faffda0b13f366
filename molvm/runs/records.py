"""What a run records of a scored sample, whatever its kind: one row of a Parquet file, and back, without loss."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from molvm.rewards.base import Outcome, Sample

if TYPE_CHECKING:
    import pyarrow

Column = tuple[str, Any, str]
"""Name, type and meaning of a column."""

PLAIN: Final = ("iteration", "value", "failure", "stage", "reason", "seconds", "log_weight")
"""Attributes that are columns of the same name, in every format there was."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Record(ABC):
    """A sample that a run has made, and what it was worth; subclasses say how a sample of their kind is written.

    Args:
        iteration: When it was made, from 0.
        worth: The value, its negative for a reward to minimise, or the floor; before what bounds and memories of the
            run take from it.
        value: The reward, or None when it failed.
        failure: The failure's kind, or None.
        stage: The check or step that failed, or None.
        reason: Why, for people, or None.
        seconds: What the reward took.
        log_weight: log dP*/dP^u + log Z of its path.
        details: What the reward has to say besides, such as the values of its terms.
        within_bounds: Whether it keeps the bounds of the reward; None if it failed or there are none.
    """

    iteration: int
    worth: float
    value: float | None
    failure: str | None = None
    stage: str | None = None
    reason: str | None = None
    seconds: float = 0.0
    log_weight: float = 0.0
    details: Mapping[str, float | str] = field(default_factory=dict)
    within_bounds: bool | None = None

    @property
    @abstractmethod
    def sample(self) -> Sample:
        """As generated; its id is unique within the run."""

    @property
    @abstractmethod
    def key(self) -> str | None:
        """Equal samples have one; None for what is no sample of its kind."""

    @classmethod
    @abstractmethod
    def known_of(cls, sample: Any) -> dict[str, Any]:
        """The arguments of the subclass, from a sample."""

    @classmethod
    @abstractmethod
    def known_from(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the subclass, from a row."""

    @abstractmethod
    def own_row(self) -> dict[str, Any]:
        """The values of `own_columns`."""

    @classmethod
    @abstractmethod
    def own_columns(cls) -> list[Column]:
        """The columns of the sample itself."""

    @classmethod
    @abstractmethod
    def distances(cls, records: Sequence[Self]) -> NDArray[np.float64]:
        """How unlike those records are that have a key, pair by pair, 0 to 1."""

    @classmethod
    @abstractmethod
    def write_best(cls, path: Path, records: Sequence[Self], reward: str) -> None:
        """Write the best records to a file, the best first, under the name of the reward."""

    @classmethod
    def of(
        cls,
        sample: Any,
        outcome: Outcome,
        *,
        iteration: int,
        worth: float,
        log_weight: float,
        within_bounds: bool | None = None,
    ) -> Self:
        """The record of a sample and its outcome."""
        failure = outcome.failure
        return cls(
            **cls.known_of(sample),
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
        """The columns of `schema`."""
        return {
            "id": self.sample.id,
            "reward": self.worth,
            **{name: getattr(self, name) for name in PLAIN},
            "details": json.dumps(dict(self.details)),
            "within_bounds": self.within_bounds,
            **self.own_row(),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The inverse of `row`. Runs of version 0.1.0 have neither details nor bounds."""
        return cls(
            **cls.known_from(row),
            worth=row["reward"],
            details=json.loads(row.get("details") or "{}"),
            within_bounds=row.get("within_bounds"),
            **{name: row[name] for name in PLAIN},
        )

    @classmethod
    def schema(cls) -> pyarrow.Schema:
        """The columns, each with its meaning as metadata."""
        import pyarrow as pa

        columns: list[Column] = [
            ("id", pa.string(), "iteration-number, unique within the run"),
            ("iteration", pa.int32(), "from 0"),
            ("reward", pa.float64(), "the value, its negative to minimise, or the floor"),
            ("value", pa.float64(), "the reward; null when it failed"),
            ("failure", pa.string(), "kind of failure"),
            ("stage", pa.string(), "check or step that failed"),
            ("reason", pa.string(), "why it failed"),
            ("seconds", pa.float64(), "time of the evaluation"),
            ("log_weight", pa.float64(), "log dP*/dP^u + log Z of the path"),
            ("details", pa.string(), "what the reward says besides, as JSON: the values of its terms, for instance"),
            ("within_bounds", pa.bool_(), "whether it keeps the reward's bounds; null without bounds or value"),
            *cls.own_columns(),
        ]
        return pa.schema([pa.field(name, kind, metadata={"description": text}) for name, kind, text in columns])
