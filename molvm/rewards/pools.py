"""What every pool offers, and which one the workers in the settings ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

from molvm.arguments import typed
from molvm.chem.molecule import Molecule
from molvm.rewards.base import Outcome, Reward, SampleReward, wants_one_process
from molvm.rewards.batch import Check, Progress
from molvm.rewards.cache import OutcomeCache
from molvm.rewards.cluster.shipment import ship
from molvm.rewards.limits import DEFAULT_TIME_LIMIT
from molvm.rewards.messages import packed
from molvm.rewards.pool import WorkerPool
from molvm.rewards.workers import Workers, read_workers


class Pool(Protocol):
    """A place where rewards are evaluated: each molecule isolated from the others and limited in time.

    Used by one thread at a time, as a context manager or with `close`.
    """

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
            RewardError: The reward cannot be sent to a worker, or the workers cannot start or are gone.
        """

    def close(self) -> None:
        """Let the workers go. A pool that is used again gets new ones."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


def fitting_workers(workers: Workers | None, reward: Reward) -> Workers | None:
    """The workers that are asked for; where none are, one for a reward of which several processes would not fit."""
    return 1 if workers is None and wants_one_process(reward) else workers


@typed()
def open_pool(
    workers: Workers | None = None, *, time_limit: float = DEFAULT_TIME_LIMIT, cache: OutcomeCache | None = None
) -> Pool:
    """The pool of these workers; one of processes starts them when they are first needed.

    Args:
        workers: Processes, or the address of a Dask scheduler; a process for each core by default.
        time_limit: Seconds a molecule may take.
        cache: Outcomes that are known already, and where new ones are kept.

    Raises:
        ConfigError: `workers` is neither a positive number nor an address.
        RewardError: The time limit is not positive, or the scheduler cannot be reached.
        MissingDependencyError: Dask is wanted and not installed.
    """
    chosen = None if workers is None else read_workers(workers)
    if not isinstance(chosen, str):
        return WorkerPool(chosen, time_limit=time_limit, cache=cache)
    from molvm.rewards.cluster.pool import DaskPool

    return DaskPool(chosen, time_limit=time_limit, cache=cache)


def require_sendable(reward: SampleReward, workers: Workers | None) -> None:
    """Refuse a reward that cannot be sent to such workers.

    Raises:
        RewardError: It cannot.
    """
    if isinstance(workers, str):
        ship(reward)
    else:
        packed(reward)
