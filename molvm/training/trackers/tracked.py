"""What a tracker is told of a run, and what all trackers can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from molvm.training.loggers import Logger


@dataclass(frozen=True)
class Tracked:
    """A run, for those who follow many.

    Args:
        name: What it is called.
        key: Always the same for one run and different for two, so that a resumed run is shown as one.
        folder: Where files may be written.
        project: Under which the run is filed.
        settings: Of the run, by dotted name.
        first: The iteration that it begins or goes on with.
    """

    name: str
    key: str
    folder: Path
    project: str
    settings: Mapping[str, Any]
    first: int = 0


@runtime_checkable
class Tracker(Logger, Protocol):
    """Shows metrics elsewhere."""

    def close(self, *, finished: bool) -> None:
        """Write what is left and end; `finished` is false for a run that was stopped."""
        ...
