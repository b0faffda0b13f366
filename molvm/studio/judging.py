"""What rewards say of single molecules, found beside the pages, which need not wait: a large one takes a minute."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Final

from molvm.chem.molecule import Molecule
from molvm.errors import MolVMError
from molvm.rewards.base import MoleculeReward, Outcome
from molvm.rewards.pools import Pool, open_pool

MOST_ANSWERS: Final = 512
"""Answers that are remembered."""

PATIENCE: Final = 3.0
"""Seconds after which nobody is thought to wait for an answer any more; a page that waits asks twice a second."""

TIME_LIMIT: Final = 60.0
"""Seconds that an answer may take."""

_MAKING = Lock()


class AbandonedError(MolVMError):
    """Nobody waits for the answer any more."""


@dataclass(eq=False)
class Question:
    """What is asked.

    Args:
        reward: Of what.
        molecule: Of which molecule.
        about: The same for the same molecule, whatever it is called.
        wanted_until: When nobody waits for the answer any more, by the monotonic clock.
        promise: Of the answer.
    """

    reward: MoleculeReward
    molecule: Molecule
    about: bytes
    wanted_until: float
    promise: Future[Outcome] = field(default_factory=Future)

    def check(self) -> None:
        """Give up where nobody waits.

        Raises:
            AbandonedError: Nobody does.
        """
        if time.monotonic() > self.wanted_until:
            raise AbandonedError(f"Nobody waits for what {self.reward.name!r} says of {self.molecule.id!r} any more.")


class Judge:
    """Answers questions one at a time in a process of its own, and remembers the answers.

    Those about the molecule that was asked about last come first, in the order in which they were asked. A question
    that is not asked again goes, and with it the process that was looking for its answer.

    Args:
        pool: Where rewards are evaluated; a process of this machine by default.
    """

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = open_pool(1, time_limit=TIME_LIMIT) if pool is None else pool
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._known: OrderedDict[tuple[bytes, str], Question] = OrderedDict()
        self._waiting: list[Question] = []
        self._lock = Lock()

    def ask(self, reward: MoleculeReward, molecule: Molecule, patience: float = PATIENCE) -> Future[Outcome]:
        """The answer, or the promise of it; the same question is not put twice.

        Args:
            reward: Of what.
            molecule: Of which molecule.
            patience: Seconds for which the answer is waited for, unless it is asked for again; then the promise is
                cancelled.
        """
        arrays = (molecule.elements, molecule.positions, molecule.formal_charges, molecule.bonds, molecule.orders)
        about, until = b"|".join(array.tobytes() for array in arrays), time.monotonic() + patience
        with self._lock:
            found = self._known.get((about, repr(reward)))
            if found is None or found.promise.cancelled():
                found = Question(reward, molecule, about, until)
                self._known[about, repr(reward)] = found
                self._waiting.append(found)
                self._thread.submit(self._answer_one)
            found.wanted_until = max(found.wanted_until, until)
            self._known.move_to_end((about, repr(reward)))
            while len(self._known) > MOST_ANSWERS:
                self._known.popitem(last=False)
            return found.promise

    def close(self) -> None:
        """Answer nothing more."""
        with self._lock:
            for question in self._known.values():
                question.wanted_until = -math.inf
            for question in self._waiting:
                question.promise.cancel()
        self._thread.shutdown(cancel_futures=True)
        self._pool.close()

    def _answer_one(self) -> None:
        """Answer the next of the questions that wait; there is one for each call."""
        with self._lock:
            newest = self._waiting[-1].about
            question = next(each for each in self._waiting if each.about == newest)
            self._waiting.remove(question)
        try:
            question.check()
            found = self._pool.score(question.reward, [question.molecule], None, question.check)
        except AbandonedError:
            question.promise.cancel()
        except Exception as error:  # noqa: BLE001 - whoever has asked is told
            question.promise.set_exception(error)
        else:
            question.promise.set_result(found[0])


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
