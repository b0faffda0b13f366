"""The layout of a run on the disk, and the rules for beginning and reopening one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from molvm.durable import exclusive, writing
from molvm.errors import InputFileError, MolVMError, OutputExistsError
from molvm.legible import is_legible
from molvm.programs.pasted import pasted
from molvm.subject import Subject


@dataclass(frozen=True)
class RunDirectory:
    """Where the parts of a run lie.

    Args:
        path: The run's directory.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The settings, all of them, as TOML."""
        return self.path / "resolved.toml"

    @property
    def manifest(self) -> Path:
        """Versions, model, reward and history, as JSON."""
        return self.path / "manifest.json"

    @property
    def metrics(self) -> Path:
        """One JSON object an iteration."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def head_start(self) -> Path:
        """The folder of checkpoints of what is learned before the first round; gone once that is done."""
        return self.path / "head_start"

    @property
    def adapter(self) -> Path:
        """The low-rank adapter that was trained, as a folder that diffusers loads; not every run has one."""
        return self.path / "adapter"

    @property
    def best(self) -> Path:
        """The best molecules so far."""
        return self.path / "best.sdf"

    def samples(self, makes: Subject) -> Path:
        """The folder of Parquet files, one an iteration, of a run that makes molecules or images."""
        return self.path / makes

    def best_of(self, makes: Subject) -> Path:
        """The best samples so far."""
        return self.best if makes == "molecules" else self.path / "best.png"

    @property
    def lock(self) -> Path:
        """The file whose lock the writing process holds."""
        return self.path / ".lock"

    @property
    def is_run(self) -> bool:
        """Whether a run has been begun here."""
        return self.config.is_file() and self.manifest.is_file()

    def require_free(self) -> None:
        """Make sure that a run can be begun here without touching anything that is there.

        Raises:
            OutputExistsError: There is a run, a file, or something in the directory, or its name is not UTF-8.
        """
        self.require_utf8(OutputExistsError)
        if self.is_run:
            raise OutputExistsError(
                f"The directory {self.path} holds a run.",
                remedy=f"`{pasted('molvm train --resume', self.path)}` to go on, or another --out",
            )
        with writing(self.path):
            if self.path.exists() and not self._is_empty():
                raise OutputExistsError(
                    f"The output {self.path} exists and is not an empty directory.", remedy="another --out"
                )

    def _is_empty(self) -> bool:
        # The lock of a process that was killed before it had written anything is nothing.
        return self.path.is_dir() and all(entry == self.lock for entry in self.path.iterdir())

    def begin(self, makes: Subject = "molecules") -> None:
        """Make the directory.

        Args:
            makes: What the run makes.

        Raises:
            OutputExistsError: It is not free, or it cannot be made.
        """
        self.require_free()
        self.make()
        with writing(self.path):
            self.samples(makes).mkdir()

    def make(self) -> None:
        """Make the directory itself, if it is not there.

        Raises:
            OutputExistsError: It cannot be made.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    @property
    def is_empty(self) -> bool:
        """Whether the run has neither records nor checkpoints yet."""
        return not any(
            path.exists() for path in (self.metrics, self.checkpoints, *map(self.best_of, get_args(Subject)))
        )

    def discard(self) -> None:
        """Remove a run that has come to nothing: its settings and what `begin` has made, and nothing else."""
        for file in (self.config, self.manifest, self.lock):
            file.unlink(missing_ok=True)
        for folder in (*map(self.samples, get_args(Subject)), self.path):
            with contextlib.suppress(OSError):  # something else is in it
                folder.rmdir()

    def require_run(self) -> None:
        """Make sure that there is a run.

        Raises:
            InputFileError: There is none, or its path is not UTF-8.
        """
        self.require_utf8()
        if not self.is_run:
            raise InputFileError(
                f"The directory {self.path} holds no run.",
                allowed=f"a directory with {self.config.name} and {self.manifest.name}",
                remedy="check the path, or begin a run with `molvm train --out`",
            )

    def require_utf8(self, error: type[MolVMError] = InputFileError) -> None:
        """Refuse a path that Parquet, safetensors and settings files cannot name.

        Args:
            error: What is raised.
        """
        if not is_legible(self.path.absolute()):
            raise error(
                f"The path of the run {self.path.absolute()} is not UTF-8.",
                allowed="names of folders that are",
                remedy="another name for the folder",
            )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from writing the run; the lock ends with the process, however it ends.

        Raises:
            OutputExistsError: Another process writes it, or it cannot be written.
        """
        remedy = "a copy of the run in a folder that you may write to"
        with exclusive(self.lock, f"writing the run {self.path}", remedy):
            yield
