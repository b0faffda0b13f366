"""Work on many jobs in several processes, with the results in the order of the jobs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from molvm.cores import single_threaded_children
from molvm.errors import DatasetError

Job = TypeVar("Job")
Result = TypeVar("Result")


def mapped_in_order(
    work: Callable[[Job], Result], jobs: Iterable[Job], workers: int, *, ahead: int, what: str, apart: bool = False
) -> Generator[Result, None, None]:
    """`work` of job after job; spawned processes, because forking a threaded parent may hang.

    Close the generator when no more results are wanted: jobs that no worker has begun are then left alone.

    Args:
        work: A function that can be pickled, if there are several workers.
        jobs: Taken one by one, as late as may be.
        workers: Processes, each single-threaded; 1 stays in this process unless `apart`.
        ahead: Jobs in flight per worker: enough to keep it busy, few enough to keep the memory small.
        what: What the workers do, for the message when one dies.
        apart: Never in this process, even with one worker.

    Raises:
        DatasetError: A worker died.
    """
    if workers == 1 and not apart:
        yield from map(work, jobs)
        return
    try:
        yield from _mapped_in_pool(work, jobs, workers, ahead)
    except BrokenProcessPool as error:
        raise DatasetError(f"A worker process died while {what}.", remedy="fewer workers, or more memory") from error


def _mapped_in_pool(
    work: Callable[[Job], Result], jobs: Iterable[Job], workers: int, ahead: int
) -> Generator[Result, None, None]:
    context = multiprocessing.get_context("spawn")
    with single_threaded_children(), ProcessPoolExecutor(workers, mp_context=context, initializer=_follow) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for job in jobs:
                waiting.append(pool.submit(work, job))
                if len(waiting) >= ahead * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _follow() -> None:
    """Make this worker leave an interruption to its parent, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
