"""Ctrl-C reaches the main thread alone, which may put it off while a library would swallow it (`molvm.chem.embed`)."""

from __future__ import annotations

import signal


def interrupt_main_thread_only() -> None:
    """Start numpy's threads so that they take no Ctrl-C: a thread inherits what its maker has blocked.

    To be called before anything imports numpy.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        import numpy  # noqa: F401 - for its threads
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
