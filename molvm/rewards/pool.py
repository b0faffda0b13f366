"""Isolated evaluation: a crash or hang in one molecule costs exactly that molecule."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Self

from molvm.chem.molecule import Molecule
from molvm.cores import available_cores
from molvm.errors import RewardError
from molvm.rewards.base import Outcome, Reward, SampleReward, checked_outcomes, described, time_needed
from molvm.rewards.batch import Batch, Check, Chunk, Progress
from molvm.rewards.cache import OutcomeCache
from molvm.rewards.ledger import Ledger, Ticket
from molvm.rewards.limits import CHECK_SECONDS, CHUNK_SIZE, DEFAULT_TIME_LIMIT, require_positive
from molvm.rewards.messages import pack, packed
from molvm.rewards.processes import LEFT_WITH_0, make_context, refuse_reentry
from molvm.rewards.worker import TOO_LARGE, evaluate_chunk, ping, prepare_worker

LIMIT_MARGIN = 5.0
"""Seconds that a reward with a limit of its own has to enforce it, before its worker is ended."""

CHUNK_BUDGET = 0.25
"""Seconds after which a worker begins no further molecule of its chunk."""

TASKS_PER_WORKER = 50
"""Chunks after which a worker is replaced, so at most 800 molecules: the engines leak some 0.1 MB a molecule."""

MAX_RESTARTS = 5
"""How often in a row the whole pool may break without finishing anything."""

START_SECONDS = 60.0
"""How long a worker may take to import the script that defines a reward."""


class WorkerPool:
    """Worker processes that evaluate rewards, started once and used for many batches and rewards.

    Use it as a context manager, or `close` it.

    Args:
        n_workers: Processes; the number of available cores by default.
        time_limit: Seconds a molecule may take before its worker is ended.
        chunk_size: Molecules in one message, at most.
        cache: Outcomes that are known already, and where new ones are kept.

    Raises:
        RewardError: A number is not positive.
    """

    def __init__(
        self,
        n_workers: int | None = None,
        *,
        time_limit: float = DEFAULT_TIME_LIMIT,
        chunk_size: int = CHUNK_SIZE,
        cache: OutcomeCache | None = None,
    ) -> None:
        self.n_workers = available_cores() if n_workers is None else n_workers
        self.time_limit = time_limit
        self.chunk_size = chunk_size
        self.cache = cache
        require_positive(
            number_of_workers=self.n_workers,
            time_limit_in_seconds=time_limit,
            number_of_molecules_in_a_chunk=chunk_size,
        )
        self._pool: Any = None
        self._ledger: Any = None
        self._knows_main = False
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def score(
        self,
        reward: SampleReward,
        molecules: Sequence[Molecule],
        progress: Progress | None = None,
        check: Check | None = None,
    ) -> list[Outcome]:
        """Outcomes of the molecules, one each, in order.

        Args:
            reward: What to evaluate; it is sent to the workers.
            molecules: What to evaluate it on.
            progress: Called with every outcome as it comes in, in any order.
            check: Called at least once a second; what it raises ends the batch.

        Raises:
            RewardError: The reward cannot be sent to a worker, or the workers cannot start.
        """
        batch = Batch(reward, list(molecules), progress, self.cache)
        queue = batch.chunks(self.chunk_size, self.n_workers)
        needs_main = self._needs_main(reward)
        if queue:
            self._start(needs_main=needs_main)
        restarts = 0
        while queue:
            before = batch.n_done
            queue = self._run(batch, queue, check)
            restarts = restarts + 1 if batch.n_done == before else 0
            if queue:
                self.close()
                if restarts > MAX_RESTARTS:
                    raise RewardError(f"The workers of the reward {reward.name!r} keep ending without a result.")
                self._start(needs_main=self._knows_main)
        return checked_outcomes(reward.name, molecules, batch.finished())

    def _run(self, batch: Batch, queue: list[Chunk], check: Check | None) -> list[Chunk]:
        """Work off the queue; the chunks that are left when the pool broke."""
        pending: dict[Future[list[Outcome]], tuple[Chunk, Ticket]] = {}
        lost: list[Chunk] = []
        try:
            while queue or pending:
                for chunk in queue:
                    ticket = self._ledger.ticket()
                    pending[self._submit(batch, chunk, ticket)] = chunk, ticket
                queue = []
                done, _ = wait(pending, timeout=CHECK_SECONDS, return_when=FIRST_COMPLETED)
                if check is not None:
                    check()
                if not done and not self._pool.active:
                    # It broke after it had taken these and before it looked at them, and will never answer.
                    return [chunk for chunk, _ in pending.values()]
                for future in done:
                    chunk, ticket = pending.pop(future)
                    if isinstance(future.exception() if not future.cancelled() else None, BrokenExecutor):
                        lost.append(chunk)
                    else:
                        queue.extend(self._take(batch, chunk, ticket, future))
                if lost:
                    return lost + queue + [chunk for chunk, _ in pending.values()]
        except BaseException:
            for future in pending:
                future.cancel()
            raise
        return []

    def _submit(self, batch: Batch, chunk: Chunk, ticket: Ticket) -> Future[list[Outcome]]:
        payload = pack((batch.reward, batch.molecules_of(chunk)))
        limit = self._limit(batch.reward)
        budget = 0.0 if chunk.suspect else min(CHUNK_BUDGET, limit)
        try:
            future: Future[list[Outcome]] = self._pool.schedule(
                evaluate_chunk, args=(payload, budget, ticket), timeout=limit + budget
            )
        except RuntimeError as error:
            # The pool says so if it broke while nothing was out, as when the server was killed that forks workers.
            future = Future()
            future.set_exception(BrokenExecutor(str(error)))
        return future

    def _limit(self, reward: Reward) -> float:
        """Seconds that a molecule may take: longer than the pool's if the reward or its terms have longer limits."""
        own = time_needed(reward)
        return max(self.time_limit, own + LIMIT_MARGIN) if own else self.time_limit

    def _take(self, batch: Batch, chunk: Chunk, ticket: Ticket, future: Future[list[Outcome]]) -> list[Chunk]:
        """Store what a chunk gave; what remains to be done of it."""
        from pebble import ProcessExpired

        try:
            outcomes = future.result()
        except FutureTimeoutError:
            limit = self._limit(batch.reward)
            index = self._ledger.index(ticket)
            return batch.accuse(chunk, index, "timeout", f"longer than {limit:g} s", limit, certain=True)
        except ProcessExpired as error:
            # A reward may end its worker with the same status; then a molecule was begun.
            if error.exitcode == TOO_LARGE and not self._ledger.begun(ticket):
                return [chunk]
            index, reason = self._ledger.index(ticket), _how_it_ended(error.exitcode)
            return batch.accuse(chunk, index, "crashed", reason, certain=False)
        except CancelledError:
            return batch.blame(chunk, "cancelled", "never evaluated")
        except Exception as error:  # noqa: BLE001 - whatever the reward's module raises when a worker imports it
            return batch.blame(chunk, "reward_error", described(error))
        return batch.store(chunk, outcomes)

    @staticmethod
    def _needs_main(reward: SampleReward) -> bool:
        """Whether the reward lives in the main module."""
        return b"__main__" in packed(reward)

    def _start(self, *, needs_main: bool) -> None:
        from pebble import ProcessPool

        refuse_reentry()
        if self._pool is not None and needs_main and not self._knows_main:
            self.close()
        if self._pool is not None:
            return
        self._knows_main = needs_main
        self._pool = ProcessPool(
            max_workers=self.n_workers,
            max_tasks=TASKS_PER_WORKER,
            initializer=prepare_worker,
            initargs=(dict(os.environ),),
            context=make_context(with_main=needs_main),
        )
        self._ledger = Ledger()
        self._finalizer = weakref.finalize(self, _stop, self._pool, self._ledger)
        if needs_main:
            self._check_main()

    def _check_main(self) -> None:
        """See whether the workers survive the import of the main module.

        Raises:
            RewardError: They do not.
        """
        from pebble import ProcessExpired

        try:
            self._pool.schedule(ping, timeout=START_SECONDS).result()
        except (BrokenExecutor, ProcessExpired, FutureTimeoutError) as error:
            self.close()
            raise RewardError(
                "The workers cannot start: they import the script that defines the reward, and that fails.",
                remedy='`if __name__ == "__main__":` around what the script does, or the reward in a module of its own',
            ) from error

    def close(self) -> None:
        """End the workers. The pool starts new ones when it is used again."""
        if self._finalizer is not None:
            self._finalizer()
        self._pool, self._ledger, self._finalizer = None, None, None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _how_it_ended(status: int) -> str:
    return f"the worker ended with code {0 if status == LEFT_WITH_0 else status}"


def _stop(pool: Any, ledger: Ledger) -> None:
    pool.stop()
    pool.join()
    ledger.close()
