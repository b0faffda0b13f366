"""What happens inside a worker process."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from molvm.chem.engines.quiet import STDERR, STDOUT
from molvm.rewards.base import Outcome
from molvm.rewards.ledger import Ticket
from molvm.rewards.messages import unpack

ORPHAN_CHECK_SECONDS = 1.0


def prepare_worker(parent: int) -> None:
    """Make this process a worker: silent, easy to end, and never an orphan.

    Args:
        parent: The process that must be alive.
    """
    # The pool ends a hanging worker with SIGTERM first. A Python handler would wait for the Fortran code to return.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in (STDOUT, STDERR):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()


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
    reward, molecules = unpack(payload)
    started = time.perf_counter()
    outcomes: list[Outcome] = []
    for index, molecule in enumerate(molecules):
        ticket.note(index)
        try:
            outcomes.append(reward.outcome(molecule))
        except KeyboardInterrupt:
            # Ctrl-C is for the parent, which ends its workers; here only the reward can have raised it.
            outcomes.append(reward.fail(molecule, "reward_error", reward.name, "KeyboardInterrupt"))
        if time.perf_counter() - started > budget:
            break
    return outcomes
