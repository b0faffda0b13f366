"""What happens on a Dask worker: each of its threads scores chunks with a local pool of one process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from multiprocessing.util import Finalize

from molvm.rewards.base import Outcome
from molvm.rewards.cluster.versions import difference
from molvm.rewards.messages import unpack
from molvm.rewards.pool import WorkerPool

_idle: list[WorkerPool] = []
"""Pools that no thread uses just now. They are kept from chunk to chunk, and end with this process."""


class _Unwanted(Exception):  # noqa: N818 - nobody has asked for the chunk any more
    """The client has gone, or its batch was interrupted."""


def score_chunk(reward: bytes, molecules: bytes, time_limit: float, versions: Mapping[str, str]) -> list[Outcome] | str:
    """The outcomes of a chunk, one a molecule, in order; none if nobody wants them; or why this machine does not fit.

    Args:
        reward: A `Shipped` reward, packed.
        molecules: A list of molecules, packed.
        time_limit: Seconds that a molecule may take.
        versions: What decides a value, as the client has it.
    """
    unfit = difference(versions)
    if unfit is not None:
        return unfit
    with _pool() as pool:
        pool.time_limit = time_limit
        try:
            return pool.score(unpack(reward), unpack(molecules), check=_leave_if_unwanted)
        except _Unwanted:
            return []


@contextlib.contextmanager
def _pool() -> Iterator[WorkerPool]:
    """A pool for this thread alone, so that a crash or an interruption touches no other chunk."""
    try:
        pool = _idle.pop()
    except IndexError:
        pool = WorkerPool(1)
        # Before multiprocessing, as it leaves this process, waits for the children that the pool would replace.
        Finalize(None, pool.close, exitpriority=1)
    try:
        yield pool
    finally:
        _idle.append(pool)


def _leave_if_unwanted() -> None:
    """Leave the chunk if Dask has cancelled its task or ends the worker: a thread cannot be stopped from outside.

    Raises:
        _Unwanted: It has.
    """
    from distributed import Status, get_worker

    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state != "executing" or worker.status in (Status.closing, Status.closed):
        raise _Unwanted
