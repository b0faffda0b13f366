"""A reward whose molecules are evaluated elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from molvm.arguments import typed
from molvm.chem.molecule import Molecule
from molvm.rewards.base import Direction, Outcome, SampleReward, require_samples
from molvm.rewards.batch import Check, Progress
from molvm.rewards.limits import DEFAULT_TIME_LIMIT
from molvm.rewards.pools import Pool, open_pool
from molvm.rewards.workers import Workers


class Isolated:
    """A reward whose molecules are evaluated in worker processes; itself a reward.

    Args:
        reward: What to evaluate.
        pool: Where.
        progress: Called with every outcome as it comes in.
        check: Called at least once a second; what it raises ends the batch.
    """

    def __init__(
        self, reward: SampleReward, pool: Pool, progress: Progress | None = None, check: Check | None = None
    ) -> None:
        self.reward = reward
        self.pool = pool
        self.progress = progress
        self.check = check

    @property
    def name(self) -> str:
        """The reward's name."""
        return self.reward.name

    @property
    def unit(self) -> str:
        """The reward's unit."""
        return self.reward.unit

    @property
    def direction(self) -> Direction:
        """The reward's direction."""
        return self.reward.direction

    @property
    def floor(self) -> float | None:
        """The reward's floor."""
        return self.reward.floor

    def __call__(self, molecules: Sequence[Molecule]) -> list[Outcome]:
        """Outcomes of the molecules, one each, in order.

        Raises:
            RewardError: The reward cannot be sent to a worker, or the workers cannot start or are gone.
            MoleculeError: It is given something else than molecules, such as SMILES; ImageError, of images.
        """
        require_samples(self.reward, molecules)
        return self.pool.score(self.reward, molecules, self.progress, self.check)

    def close(self) -> None:
        """End the workers."""
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


@typed()
def isolated(
    reward: SampleReward, n_workers: Workers | None = None, *, time_limit: float = DEFAULT_TIME_LIMIT
) -> Isolated:
    """The reward, evaluated in worker processes of its own, or on a Dask cluster.

    Args:
        reward: What to evaluate.
        n_workers: Processes, or the address of a Dask scheduler; a process for each available core by default.
        time_limit: Seconds a molecule may take.

    Raises:
        ConfigError: `n_workers` is neither a positive number nor an address.
        RewardError: The scheduler cannot be reached.
    """
    return Isolated(reward, open_pool(n_workers, time_limit=time_limit))
