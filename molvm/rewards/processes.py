"""How workers are started: quickly, single-threaded, and without running the user's script again.

A server that has imported what workers need forks them: one that takes the place of a crashed one is there in a tenth
of a second, and it has none of the threads and locks of the process that asks for it. Only the server takes half a
second to start, once a process.

A new process normally imports the parent's main module. For a script without `if __name__ == "__main__":` that would
run the whole script once more in every worker. Workers need it only for rewards that the script itself defines.
"""

from __future__ import annotations

import contextlib
import multiprocessing.process
import signal
import threading
from collections.abc import Iterator
from multiprocessing import spawn
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from molvm.cores import single_threaded_children
from molvm.errors import RewardError

PRELOADED = ["molvm.rewards.worker"]
"""What the server imports; nothing that starts threads, and not the main module."""

_MAIN_KEYS = ("init_main_from_name", "init_main_from_path")
_LOCK = threading.Lock()


@contextlib.contextmanager
def _hidden_main() -> Iterator[None]:
    """Children started within do not import the main module."""
    original = spawn.get_preparation_data

    def without_main(name: str) -> dict[str, Any]:
        return {key: value for key, value in original(name).items() if key not in _MAIN_KEYS}

    spawn.get_preparation_data = without_main
    try:
        yield
    finally:
        spawn.get_preparation_data = original


@contextlib.contextmanager
def _children_allowed() -> Iterator[None]:
    """A daemonic process, as the workers of Dask are, may start children within.

    Python forbids it lest they outlive their parent; ours end by themselves when it is gone.
    """
    config = vars(multiprocessing.process.current_process())["_config"]
    daemonic = config.pop("daemon", None)
    try:
        yield
    finally:
        if daemonic is not None:
            config["daemon"] = daemonic


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Children started within take no Ctrl-C before `prepare_worker` lets them.

    A terminal sends it to the whole group: the server would die of it, loudly, while it still imports.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


FINISHED = 77
"""Status of a worker that was done. One that a reward has ended may have any other, 0 too: a library's `exit()`, or
Fortran's STOP."""

LEFT_WITH_0 = 256
"""Stands for a status of 0 that was not the worker's own; no process has this one."""


class _Worker(ForkServerProcess):
    """A process whose status tells whether it was done. The pool takes 0 to mean that."""

    def run(self) -> None:
        super().run()
        raise SystemExit(FINISHED)

    @property
    def exitcode(self) -> int | None:
        """0 if it was done, None if it runs, else its status."""
        status: int | None = super().exitcode
        return {FINISHED: 0, 0: LEFT_WITH_0}.get(status, status) if status is not None else None


class LightProcess(_Worker):
    """A single-threaded process that does not know the main module."""

    def start(self) -> None:
        """Start it."""
        with _LOCK, single_threaded_children(), _undisturbed(), _children_allowed(), _hidden_main():
            super().start()


class MainProcess(_Worker):
    """A single-threaded process that has imported the main module."""

    def start(self) -> None:
        """Start it."""
        with _LOCK, single_threaded_children(), _undisturbed(), _children_allowed():
            super().start()


class LightContext(ForkServerContext):
    """Starts `LightProcess`es."""

    Process = LightProcess


class MainContext(ForkServerContext):
    """Starts `MainProcess`es."""

    Process = MainProcess


def make_context(*, with_main: bool) -> LightContext | MainContext:
    """What starts workers, for a pool.

    Args:
        with_main: Whether they import the main module.
    """
    context = MainContext() if with_main else LightContext()
    context.set_forkserver_preload(PRELOADED)
    return context


def refuse_reentry() -> None:
    """Stop a script that is being imported by its own worker.

    Raises:
        RewardError: This process is a worker that is still importing the main module, which starts workers itself.
    """
    if getattr(multiprocessing.process.current_process(), "_inheriting", False):
        raise RewardError(
            "A worker process is running the script that started it, because the reward is defined in that script.",
            remedy='put the script\'s last part under `if __name__ == "__main__":`, or the reward into a module',
        )
