"""Long work in processes of their own: started, watched by its log, and ended by a signal that it answers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from molvm.durable import writing
from molvm.errors import OutputExistsError

_PROGRESS: Final = re.compile(r"(\d+)/(\d+)")

TAIL: Final = 4096
"""Bytes of a log that are looked at."""


@dataclass(eq=False)
class Job:
    """A command of molvm in a process of its own, which goes on when the studio ends.

    Args:
        arguments: Of `molvm`.
        process: What runs it.
        log: Where its output goes.
        called: Paths of the studio's own, and what the user calls these files.
    """

    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes]
    log: Path
    called: Mapping[str, str] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended: 0 well, 130 or 143 by a signal that it answered, less than 0 by another; None before."""
        return self.process.poll()

    @property
    def stopped(self) -> bool:
        """Whether a signal to stop has ended it: answered by it, or as long as it could not answer."""
        return self.exit_code in (128 + signal.SIGINT, 128 + signal.SIGTERM, -signal.SIGINT, -signal.SIGTERM)

    @property
    def ending(self) -> str:
        """What to say of an end that was no good one: its last line, or else how it ended."""
        if self.stopped:  # what it said last is its progress, or a warning of Python's about how it was ended
            return "Stopped before it was done."
        return self.last_line or f"It ended with status {self.exit_code}."

    @property
    def last_line(self) -> str:
        """What it said last, with files called as the user calls them."""
        lines = self._tail().replace("\r", "\n").strip().splitlines()
        line = lines[-1].strip() if lines else ""
        for path, name in self.called.items():
            line = line.replace(path, name)
        return line

    @property
    def share(self) -> float | None:
        """How much of the work is done, from the last "done/in all" in its log."""
        found = _PROGRESS.findall(self._tail())
        if not found:
            return None
        done, total = (int(number) for number in found[-1])
        return min(1.0, done / total) if total else None

    def stop(self) -> None:
        """Ask it to end; training then leaves a whole checkpoint."""
        if self.running:
            self.process.send_signal(signal.SIGTERM)

    def _tail(self) -> str:
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - TAIL))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""


@dataclass(eq=False)
class Jobs:
    """The jobs of one studio, by name.

    Args:
        folder: Where their logs go.
    """

    folder: Path
    by_name: dict[str, Job] = field(default_factory=dict)

    def start(self, name: str, arguments: Sequence[str], called: Mapping[str, str] | None = None) -> Job:
        """Start a command of molvm.

        Args:
            name: Of the job and, made safe, of its log.
            arguments: Of `molvm`; no shell reads them.
            called: Paths of the studio's own, and what the user calls these files.

        Raises:
            OutputExistsError: A job of that name is running, or its log cannot be written.
        """
        if (running := self.by_name.get(name)) is not None and running.running:
            raise OutputExistsError(f"{name} is running already.", remedy="waiting for it, or stopping it")
        log = self.folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)[:80]}.log"
        with writing(log):
            self.folder.mkdir(parents=True, exist_ok=True)
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-m", "molvm.cli", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env={**os.environ, "OMP_WAIT_POLICY": "passive", "COLUMNS": "120"},
                )
        job = Job(tuple(arguments), process, log, called or {})
        self.by_name[name] = job
        return job

    def find(self, name: str) -> Job | None:
        """The job of that name that was started last, or None."""
        return self.by_name.get(name)

    @property
    def running(self) -> list[str]:
        """The names of those that have not ended yet."""
        return [name for name, job in self.by_name.items() if job.running]
