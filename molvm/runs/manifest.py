"""Where a run comes from: versions, machine, model, reward, and when it ran."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from molvm.durable import replace_text
from molvm.errors import InputFileError
from molvm.subject import Subject

FORMAT_VERSION: Final = 1

PACKAGES: Final = (
    "molvm",
    "torch",
    "torch-geometric",
    "rdkit",
    "tblite",
    "gfnff",
    "xtb",
    "numpy",
    "scipy",
    "pebble",
    "distributed",
    "pydantic",
    "safetensors",
    "pillow",
    "diffusers",
    "transformers",
    "pyarrow",
)
"""The packages whose versions can change a result or the reading of a file."""

Status = Literal["running", "finished", "interrupted", "failed"]


@dataclass(frozen=True)
class Session:
    """One stretch of training, from a start to a stop. A killed process leaves "running" behind.

    Args:
        started: When, in UTC.
        first_iteration: The iteration it began with.
        status: How it ended.
        ended: When, in UTC.
        iteration: Iterations that were finished then.
        threads: Of torch. Sums are the same to the last bit only with the same number.
        workers: Where the reward was evaluated: processes, or the address of a Dask scheduler; None for one a core.
    """

    started: str
    first_iteration: int
    threads: int
    status: Status = "running"
    ended: str | None = None
    iteration: int | None = None
    workers: int | str | None = None


@dataclass(frozen=True)
class Manifest:
    """What is known of a run besides its settings.

    Args:
        model: Name of the base model.
        model_sha256: Digest of its weights, if it has one.
        model_note: What its card says of its data that nobody should overlook, for instance that they are a stand-in.
        reward: Name of the reward.
        unit: Unit of the reward.
        direction: Which way the reward is better.
        seed: Of all randomness.
        floor: What a failure is worth, in the reward's unit; None until it has been settled.
        makes: What the run makes, molecules or images.
        head_start: What the value network learned before the first round, as `LearnedBefore` says it; None if nothing.
        reward_is_object: Whether a Python program gave the reward, so that its name does not bring it back.
        created: When, in UTC.
        versions: Of the packages behind the results.
        machine: Platform and number of processors.
        sessions: The stretches of training so far.
        format_version: Of this file.
    """

    model: str
    model_sha256: str | None
    reward: str
    unit: str
    direction: str
    seed: int
    floor: float | None = None
    makes: Subject = "molecules"
    reward_is_object: bool = False
    head_start: Mapping[str, Any] | None = None
    model_note: str | None = None
    created: str = field(default_factory=lambda: now())
    versions: Mapping[str, str] = field(default_factory=lambda: package_versions())
    machine: Mapping[str, str | int] = field(default_factory=lambda: describe_machine())
    sessions: tuple[Session, ...] = ()
    format_version: int = FORMAT_VERSION

    def begin_session(self, iteration: int, threads: int, workers: int | str | None) -> Self:
        """This, with a new session."""
        return replace(self, sessions=(*self.sessions, Session(now(), iteration, threads, workers=workers)))

    def end_session(self, status: Status, iteration: int) -> Self:
        """This, with the last session ended."""
        *before, last = self.sessions
        ended = replace(last, status=status, ended=now(), iteration=iteration)
        return replace(self, sessions=(*before, ended))

    @property
    def status(self) -> Status | None:
        """How the last session ended; None before the first."""
        return self.sessions[-1].status if self.sessions else None

    @property
    def iterations_saved(self) -> int:
        """The last iteration that is known to have got a checkpoint, 0 if none is."""
        ended = [s.iteration or 0 for s in self.sessions if s.status in ("finished", "interrupted")]
        return max([*ended, *(session.first_iteration for session in self.sessions)], default=0)

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        replace_text(path, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            InputFileError: The file cannot be read, is no manifest, or is of a newer format.
        """
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if values["format_version"] > FORMAT_VERSION:
                raise InputFileError(
                    f"The manifest {path} has format {values['format_version']}.",
                    allowed=f"up to {FORMAT_VERSION}",
                    remedy="a newer molvm",
                )
            values["sessions"] = tuple(Session(**session) for session in values["sessions"])
            return cls(**values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputFileError(f"The manifest {path} cannot be read: {error!r}.", remedy="a fresh copy") from error


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def package_versions() -> dict[str, str]:
    """Python's version and those of the installed ones among `PACKAGES`."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe_machine() -> dict[str, str | int]:
    """Platform and number of processors."""
    return {"platform": platform.platform(), "processors": os.cpu_count() or 1}
