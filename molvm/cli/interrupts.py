"""Ctrl-C: who gets it, and what is said then."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def interrupt_main_thread_only() -> None:
    """Start numpy's threads so that they take no Ctrl-C: a thread inherits what its maker has blocked.

    The main thread may put it off while a library would swallow it (`molvm.chem.embed`).
    To be called before anything imports numpy.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        import numpy  # noqa: F401 - for its threads
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def told_if_interrupted(what: Callable[[], str]) -> Iterator[None]:
    """After Ctrl-C, say what is kept and how to go on.

    Args:
        what: Gives the words, when they are needed.
    """
    try:
        yield
    except KeyboardInterrupt:
        from molvm.cli.console import say

        say(f"Interrupted. {what()}")
        raise
