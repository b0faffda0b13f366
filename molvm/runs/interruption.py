"""Stopping at a safe point: signals set a flag, and the training loop looks at it."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Abandoned(Exception):  # noqa: N818 - it is a request, not an error
    """Raised within a rollout to leave it."""


class Interruption:
    """While it is entered, a first SIGINT or SIGTERM only sets a flag; a second one does what it always does.

    Nothing is saved in the handler: it may run in the middle of an update. Outside the main thread Python has no
    signals, and nothing is installed.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self._previous: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self.signum is not None

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as shells have it: 130 or 143; 0 without a signal."""
        return 0 if self.signum is None else 128 + self.signum

    def check(self) -> None:
        """Leave the rollout if a signal has come.

        Raises:
            Abandoned: One has.
        """
        if self.requested:
            raise Abandoned

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number in list(self._previous):
            self._restore(number)

    def _note(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature is Python's
        self.signum = signum
        self._restore(signum)

    def _restore(self, signum: int) -> None:
        previous = self._previous.pop(signum, None)
        if previous is not None:
            signal.signal(signum, previous)
