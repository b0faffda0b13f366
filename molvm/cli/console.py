"""Progress on stderr: a bar where people look, a few plain lines where a file does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

LINE_SECONDS: Final = 10.0
"""Between two plain lines."""


class Throttle:
    """Lets something through now and then.

    Args:
        seconds: Between two.
    """

    def __init__(self, seconds: float = LINE_SECONDS) -> None:
        self.seconds = seconds
        self._last: float | None = None

    def __call__(self) -> bool:
        """Whether it is time again; the first time it is."""
        now = time.monotonic()
        if self._last is not None and now - self._last < self.seconds:
            return False
        self._last = now
        return True


def say(line: str) -> None:
    """One line on stderr, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def is_terminal() -> bool:
    """Whether someone watches stderr."""
    return sys.stderr.isatty()


def counted(number: int, thing: str) -> str:
    """The number and the thing, which gets an s unless there is one of it."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def duration(seconds: float) -> str:
    """h:mm:ss."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


class Counting(Protocol):
    """Progress of work whose amount is known."""

    def __call__(self, done: int, total: int, kept: int = 0) -> None:
        """So much is done of all, of which so much was there before and says nothing of how fast it goes."""


@contextmanager
def counting_bar(what: str, things: str = "") -> Iterator[Counting]:
    """A bar for work whose amount is known.

    Args:
        what: What is going on, for people.
        things: What is counted.

    Yields:
        Called with (done, in all) and, if some was there before, with how much.
    """
    unit = f" {things}" if things else ""
    if is_terminal():
        from rich.console import Console
        from rich.progress import Progress, ProgressColumn

        columns: list[str | ProgressColumn] = [*Progress.get_default_columns()]
        columns += ["{task.completed:g}/{task.total}" + unit, "{task.fields[rate]}"]
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None, rate="")
            started = time.monotonic()

            def draw(done: int, total: int, kept: int = 0) -> None:
                if done <= kept:  # without this, rich would count it into the time left
                    bar.reset(task, completed=done, total=total, rate="")
                    return
                rate = pace(done - kept, time.monotonic() - started)
                bar.update(task, completed=done, total=total, rate=rate)

            yield draw
        return
    due, started = Throttle(), time.monotonic()

    def line(done: int, total: int, kept: int = 0) -> None:
        made = done - kept
        if done == total or (made > 0 and due()):
            taken = time.monotonic() - started
            left = taken * (total - done) / max(1, made)
            say(f"{what}: {done}/{total}{unit}, {pace(made, taken)}, {duration(left)} left")

    yield line


@contextmanager
def tally(what: str, things: str) -> Iterator[Callable[[int], None]]:
    """A line now and then for work of which nobody knows how much there is.

    Args:
        what: What is going on, for people.
        things: What is counted.

    Yields:
        Called with how many are done.
    """
    due, started = Throttle(), time.monotonic()
    due()  # what is done within seconds needs no word

    def line(done: int) -> None:
        if due():
            say(f"{what}: {done} {things}, {pace(done, time.monotonic() - started)}")

    yield line


def pace(done: int, seconds: float) -> str:
    """How many a second or, if they are slow, a minute."""
    rate = done / max(seconds, 1e-9)
    return f"{rate:.3g} a second" if rate >= 1 else f"{60 * rate:.3g} a minute"
