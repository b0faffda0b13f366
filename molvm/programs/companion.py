"""A program that is kept running: a line in, a line out, as often as it is asked."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Final, Literal

from molvm.errors import InteropError
from molvm.programs.run import BLOCK, LAUNCHER

Ending = Literal["crashed", "timeout"]


FAREWELL: Final = 1.0
"""Seconds in which a program that has closed its output must end by itself."""


class CompanionError(InteropError):
    """A companion gave no answer.

    Args:
        what: What happened.
        ending: It ended by itself, or was ended for its time.
    """

    def __init__(self, what: str, ending: Ending) -> None:
        super().__init__(what)
        self.ending: Ending = ending


class Companion:
    """Starts the program when it is first asked, and again when it has ended; it ends with this process.

    Args:
        argv: The program and its arguments. It answers each line with one line, and ends when there are no more.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = tuple(argv)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def ask(self, line: bytes, *, time_limit: float) -> bytes:
        """What the program answers.

        Args:
            line: Without its end, and short enough for a pipe.
            time_limit: Seconds, a start included, after which the program is ended.

        Returns:
            The answer without its end.

        Raises:
            CompanionError: It ended, or was ended. The next line goes to a new one.
            OSError: No process can be started.
        """
        with self._lock:
            process = self._running()
            try:
                answer = _exchange(process, line, time.monotonic() + time_limit)
            except BaseException:
                _end(process)
                raise
            if answer is None:
                _end(process)
                raise CompanionError(f"The program took longer than {time_limit:g} s.", "timeout")
            if not answer:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(FAREWELL)
                _end(process)
                raise CompanionError(f"The program ended with status {process.returncode}.", "crashed")
            return answer[:-1]

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            if self._process is not None:
                _end(self._process)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *self._argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            weakref.finalize(self, _end, self._process)
        return self._process


def _exchange(process: subprocess.Popen[bytes], line: bytes, deadline: float) -> bytes | None:
    """Send a line; what comes back up to the end of a line, nothing if the program ended, None if it is too late."""
    assert process.stdin is not None  # noqa: S101 - for the type checker
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(line + b"\n")
        process.stdin.flush()
    heard = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not heard.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            block = os.read(process.stdout.fileno(), BLOCK)
            if not block:
                return b""
            heard += block
    return heard


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it has started, and collect it; nothing if that was done."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
