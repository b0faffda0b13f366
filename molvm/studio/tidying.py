"""What the studio keeps for itself does not grow for ever: old files go, and never one that a job still needs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR


@dataclass(frozen=True)
class Limit:
    """How much of one kind is kept.

    Args:
        most: Files; the newest stay.
        longest: Seconds since a file was last written.
    """

    most: int
    longest: float


LIMITS: Final = {
    "uploads": Limit(20, 7 * DAY),
    "scores": Limit(500, 90 * DAY),
    "paths": Limit(500, 90 * DAY),
    "pairs": Limit(500, 90 * DAY),
    "logs": Limit(500, 90 * DAY),
}
"""By folder. An upload is 20 MB at most and of no use once its table is there; everything else is small."""

UNFINISHED: Final = DAY
"""Seconds that an upload without a table is left alone: a job that an earlier studio has started may be reading it."""


def tidy(folder: Path, running: Collection[str] = (), now: float | None = None) -> list[Path]:
    """Remove files beyond the limits; what cannot be removed stays.

    Args:
        folder: Of the studio's own files.
        running: Names of the jobs that are running; files that are called so, or as the part behind the last dash is,
            are left alone.
        now: Seconds since the epoch; the clock's by default.

    Returns:
        What is no longer there.
    """
    now = time.time() if now is None else now
    held = {*running, *(name.rpartition("-")[2] for name in running)}
    scored = {path.stem for path in (folder / "scores").glob("*.csv")}
    gone: list[Path] = []
    for name, limit in LIMITS.items():
        newest = sorted(_files(folder / name), key=lambda each: -each[0])
        for rank, (written, path) in enumerate(newest):
            age = now - written
            waiting = name == "uploads" and path.stem not in scored and age < UNFINISHED
            if path.stem in held or waiting or (rank < limit.most and age <= limit.longest):
                continue
            with contextlib.suppress(OSError):
                path.unlink()
                gone.append(path)
    return gone


def _files(folder: Path) -> list[tuple[float, Path]]:
    """When each file was written; hidden ones are being written."""
    found: list[tuple[float, Path]] = []
    for path in folder.glob("[!.]*"):
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink():
                found.append((path.stat().st_mtime, path))
    return found
