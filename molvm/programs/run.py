"""Runs a program on some input, in a directory of its own, with an end to its time and its output."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

LAUNCHER: Final = Path(__file__).with_name("launcher.py")

MAX_OUTPUT: Final = 1 << 20
"""Bytes of standard output that a program may write; the same again of standard error."""

POLL_SECONDS: Final = 0.05
"""How often a silent program is looked after."""

BLOCK: Final = 1 << 16

Ending = Literal["exit", "timeout", "output"]

_ENDINGS: Final[Mapping[str, str]] = {
    "timeout": "longer than its time limit",
    "output": "more output than is allowed",
}


@dataclass(frozen=True)
class Finished:
    """What a program left behind.

    Args:
        ending: It ended by itself, or was ended for its time or for the amount of its output.
        status: Exit status; negative for the signal that ended it.
        output: What it wrote to standard output.
        errors: What it wrote to standard error.
    """

    ending: Ending
    status: int
    output: bytes
    errors: bytes

    def last_words(self) -> str:
        """The last line of standard error, shortened; empty if there is none."""
        lines = self.errors.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else ""

    def problem(self) -> str | None:
        """Why it did not end well, with its last words; None if it did."""
        if self.ending == "exit" and self.status == 0:
            return None
        return self.explained(_ENDINGS.get(self.ending, f"exit status {self.status}"))

    def explained(self, reason: str) -> str:
        """The reason, with the program's last words."""
        words = self.last_words()
        return f"{reason}; it said: {words}" if words else reason


def run_program(
    argv: Sequence[str],
    given: bytes,
    *,
    time_limit: float,
    max_output: int = MAX_OUTPUT,
    files: Mapping[str, bytes] | None = None,
) -> Finished:
    """Run a program, without a shell and in a directory of its own that vanishes with what it left there.

    When it ends, is ended, or when this process dies, so does it; when it ends or is ended, so do all processes that it
    has started and that have not left its process group.

    Args:
        argv: The program and its arguments.
        given: Its standard input.
        time_limit: Seconds after which it is ended.
        max_output: Bytes of standard output or of standard error after which it is ended.
        files: What is in its directory when it starts, by name; nothing by default.

    Raises:
        OSError: There is no room for the directory, or no process can be started.
    """
    with tempfile.TemporaryDirectory(prefix="molvm-program-") as folder, tempfile.TemporaryFile() as source:
        source.write(given)
        source.seek(0)
        for name, content in (files or {}).items():
            (Path(folder) / name).write_bytes(content)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *argv],
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, "TMPDIR": folder},
            start_new_session=True,
        )
        try:
            ending, output, errors = _listen(process, time.monotonic() + time_limit, max_output)
        finally:
            _end(process)
        return Finished(ending, process.returncode, output, errors)


def _listen(process: subprocess.Popen[bytes], deadline: float, max_output: int) -> tuple[Ending, bytes, bytes]:
    """Collect both streams until the program ends or has to be ended."""
    assert process.stdout is not None  # noqa: S101 - for the type checker
    assert process.stderr is not None  # noqa: S101
    heard: dict[int, bytearray] = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    ending: Ending | None = None
    with selectors.DefaultSelector() as selector:
        for stream in heard:
            os.set_blocking(stream, False)
            selector.register(stream, selectors.EVENT_READ)
        while ending is None:
            # Asked before reading, so that what was written before the end is read after it.
            ended = process.poll() is not None
            _read(selector, heard)
            if max(map(len, heard.values())) > max_output:
                ending = "output"
            elif ended:
                ending = "exit"
            elif time.monotonic() >= deadline:
                ending = "timeout"
    output, errors = (bytes(each) for each in heard.values())
    return ending, output, errors


def _read(selector: selectors.BaseSelector, heard: dict[int, bytearray]) -> None:
    if not selector.get_map():
        time.sleep(POLL_SECONDS / 10)
        return
    for key, _ in selector.select(POLL_SECONDS):
        block = os.read(key.fd, BLOCK)
        heard[key.fd] += block
        if not block:
            selector.unregister(key.fd)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group, and collect the program."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
