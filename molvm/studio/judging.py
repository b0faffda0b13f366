"""What rewards say of single molecules, found beside the pages, which need not wait: a large one takes a minute."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Final

from molvm.chem.molecule import Molecule
from molvm.rewards.base import MoleculeReward, Outcome
from molvm.rewards.pools import Pool, open_pool

MOST_ANSWERS: Final = 512
"""Answers that are remembered."""

MOST_WAITING: Final = 4
"""Questions that may wait; of more the oldest, of molecules that were looked at before, are dropped."""

TIME_LIMIT: Final = 60.0
"""Seconds that an answer may take."""

_MAKING = Lock()


class Judge:
    """Answers questions one after the other in a process of its own, and remembers the answers.

    Args:
        pool: Where rewards are evaluated; a process of this machine by default.
    """

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = open_pool(1, time_limit=TIME_LIMIT) if pool is None else pool
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._answers: OrderedDict[tuple[bytes, str], Future[Outcome]] = OrderedDict()
        self._lock = Lock()

    def ask(self, reward: MoleculeReward, molecule: Molecule) -> Future[Outcome]:
        """The answer, or the promise of it; the same question is not put twice."""
        arrays = (molecule.elements, molecule.positions, molecule.formal_charges, molecule.bonds, molecule.orders)
        question = (b"|".join(array.tobytes() for array in arrays), repr(reward))
        with self._lock:
            found = self._answers.get(question)
            if found is None or found.cancelled():
                found = self._thread.submit(self._answer, reward, molecule)
                self._answers[question] = found
            self._answers.move_to_end(question)
            self._forget()
            return found

    def close(self) -> None:
        """Answer nothing more."""
        self._thread.shutdown(cancel_futures=True)
        self._pool.close()

    def _answer(self, reward: MoleculeReward, molecule: Molecule) -> Outcome:
        return self._pool.score(reward, [molecule])[0]

    def _forget(self) -> None:
        waiting = [promise for promise in self._answers.values() if not promise.done() and not promise.running()]
        for promise in waiting[: max(0, len(waiting) - MOST_WAITING)]:
            promise.cancel()
        while len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)


def shared_judge() -> Judge:
    """The one judge of this process, whoever asks first."""
    with _MAKING:
        return _made()


def slow_judge() -> Judge:
    """Another, for what takes long, so that what does not need not wait for it."""
    with _MAKING:
        return _made_slow()


@cache
def _made() -> Judge:
    return Judge()


@cache
def _made_slow() -> Judge:
    return Judge()
