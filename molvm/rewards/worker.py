"""What happens inside a worker process."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from molvm.chem.engines.quiet import STDERR, STDOUT
from molvm.cores import THREAD_VARIABLES
from molvm.rewards.base import Outcome, described
from molvm.rewards.ledger import Ticket
from molvm.rewards.messages import unpack

ORPHAN_CHECK_SECONDS = 1.0

GROWTH_LIMIT = 512 * 2**20
"""Bytes that a worker may grow by after its first chunk. What a reward loads at first is no leak."""

TOO_LARGE = 78
"""Status of a worker that has grown by more, and leaves a chunk to the one that takes its place."""

_resident_at_first: int | None = None


def prepare_worker(environment: dict[str, str]) -> None:
    """Make this process a worker: silent, easy to end, and never an orphan.

    Args:
        environment: What the environment was when the pool started; the server that forks workers has an older one.
    """
    single_threaded = {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}
    os.environ.clear()
    os.environ.update(environment | single_threaded)
    # The pool ends a hanging worker with SIGTERM first. A Python handler would wait for the Fortran code to return.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in (STDOUT, STDERR):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_SECONDS)
    os._exit(1)


def ping() -> bool:
    """Whether the worker runs; it does when this returns."""
    return True


def evaluate_chunk(payload: bytes, budget: float, ticket: Ticket) -> list[Outcome]:
    """Evaluate molecules until the budget is spent.

    Cheap rewards finish the whole chunk, so that they do not pay one message a molecule. Expensive ones return after
    a few molecules, at least one, and are asked again for the rest; so a time limit still means one molecule.

    Args:
        payload: What `pack` made.
        budget: Seconds after which no further molecule is begun.
        ticket: Where it is noted which molecule is begun.

    Returns:
        Outcomes of the first molecules, one or more.
    """
    _leave_if_grown()
    reward, molecules = unpack(payload)
    started, process = time.perf_counter(), os.getpid()
    outcomes: list[Outcome] = []
    for index, molecule in enumerate(molecules):
        ticket.note(index)
        try:
            outcomes.append(reward.outcome(molecule))
        # Ctrl-C is for the parent, which ends its workers; a KeyboardInterrupt here is the reward's own.
        except BaseException as error:  # noqa: BLE001
            outcomes.append(reward.fail(molecule, "reward_error", reward.name, described(error)))
        if os.getpid() != process:
            # A reward that forks may return twice; only the first process answers.
            os._exit(0)
        if time.perf_counter() - started > budget:
            break
    _note_size()
    return outcomes


def _leave_if_grown() -> None:
    """End this process if it has grown by more than it may."""
    if _resident_at_first is not None and _resident() > _resident_at_first + GROWTH_LIMIT:
        os._exit(TOO_LARGE)


def _note_size() -> None:
    global _resident_at_first
    if _resident_at_first is None:
        _resident_at_first = _resident()


def _resident() -> int:
    """Bytes of memory that this process has now; where the system does not tell, 0."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
