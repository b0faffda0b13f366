"""A pool on many machines: chunks go to the workers of a Dask cluster, what is known stays here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards.base import Outcome, SampleReward, checked_outcomes
from molvm.rewards.batch import Batch, Check, Chunk, Progress
from molvm.rewards.cache import OutcomeCache
from molvm.rewards.cluster.address import DaskAddress
from molvm.rewards.cluster.connection import Answer, Connection
from molvm.rewards.cluster.shipment import ship
from molvm.rewards.cluster.versions import decisive_versions
from molvm.rewards.limits import CHUNK_SIZE, DEFAULT_TIME_LIMIT, require_positive
from molvm.rewards.messages import pack

DEATHS: Final = 3
"""How many workers must have died over a molecule that was out alone before it is blamed."""

SAME: Final = (
    "the same environment on every machine: Python, Dask and molvm[dask] with its engines in the same versions"
)


class DaskPool:
    """Workers of a Dask cluster, each with local pools that survive crashes and hangs.

    A task is a chunk of molecules. When a worker dies, Dask gives its chunks to others; a chunk over which too many
    have died is taken apart, and its molecules are tried each by itself, in the end with nothing else out.

    Args:
        address: Of the scheduler, `dask://host:port`.
        time_limit: Seconds a molecule may take before the process that evaluates it is ended.
        chunk_size: Molecules in one task, at most.
        cache: Outcomes that are known already, and where new ones are kept; on this machine.

    Raises:
        ConfigError: The address is none.
        MissingDependencyError: Dask is not installed.
        RewardError: A number is not positive, or the scheduler cannot be reached.
    """

    def __init__(
        self,
        address: str,
        *,
        time_limit: float = DEFAULT_TIME_LIMIT,
        chunk_size: int = CHUNK_SIZE,
        cache: OutcomeCache | None = None,
    ) -> None:
        require_positive(time_limit_in_seconds=time_limit, number_of_molecules_in_a_chunk=chunk_size)
        self.address = DaskAddress.read(address)
        self.time_limit = time_limit
        self.chunk_size = chunk_size
        self.cache = cache
        self._connection: Connection | None = Connection(self.address)

    def score(
        self,
        reward: SampleReward,
        molecules: Sequence[Molecule],
        progress: Progress | None = None,
        check: Check | None = None,
    ) -> list[Outcome]:
        """Outcomes of the molecules, one each, in order.

        Args:
            reward: What to evaluate; it is sent to the workers with the user's own modules that it needs.
            molecules: What to evaluate it on.
            progress: Called with every outcome as it comes in, in any order.
            check: Called at least once a second; what it raises ends the batch.

        Raises:
            RewardError: The reward cannot be sent, the workers are gone or have other versions than this machine, or
                the scheduler is gone.
        """
        batch = Batch(reward, list(molecules), progress, self.cache)
        message = pack(ship(reward))
        if batch.n_done < len(molecules):
            self._connection = self._connection or Connection(self.address)
            threads = self._connection.await_workers(check)
            _Round(self._connection, batch, message, self.time_limit).run(batch.chunks(self.chunk_size, threads), check)
        return checked_outcomes(reward.name, molecules, batch.finished())

    def close(self) -> None:
        """Leave the cluster. The pool joins it again when it is used again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Round:
    """One batch on its way through a cluster.

    Args:
        connection: To the cluster.
        batch: The molecules and their outcomes.
        message: The reward, shipped and packed.
        time_limit: Seconds a molecule may take.
    """

    def __init__(self, connection: Connection, batch: Batch, message: bytes, time_limit: float) -> None:
        self.connection, self.batch, self.message, self.time_limit = connection, batch, message, time_limit
        self._versions = decisive_versions()
        self._reward = connection.carry(message)
        self._out: dict[Any, tuple[Any, Chunk]] = {}
        self._waiting: list[Chunk] = []
        self._alone: Chunk | None = None
        self._deaths = 0

    def run(self, chunks: list[Chunk], check: Check | None) -> None:
        """Work them off; whatever ends this early lets go of what is still out."""
        try:
            self._submit(chunks)
            while self._out:
                future = self.connection.next_ended()
                if check is not None:
                    check()
                if future is None:
                    self.connection.threads()
                elif future.key in self._out:
                    self._submit(self._take(future))
                if not self._out and self._waiting:
                    self._alone, self._deaths = self._waiting.pop(), 0
                    self._submit([self._alone])
        finally:
            for future, _ in self._out.values():
                future.release()
            self._reward.release()

    def _submit(self, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            self.connection.require_scheduler()
            molecules = pack(self.batch.molecules_of(chunk))
            future = self.connection.submit(self._reward, molecules, self.time_limit, self._versions)
            self._out[future.key] = future, chunk

    def _take(self, future: Any) -> list[Chunk]:
        """Store what a task gave; what remains to be done of its chunk."""
        from distributed import KilledWorker

        if future.status == "error":
            error, chunk = future.exception(), self._out.pop(future.key)[1]
            if not isinstance(error, KilledWorker):
                raise RewardError(f"A Dask worker cannot score: {type(error).__name__}: {error}.", remedy=SAME)
            return self._survive(chunk, error.allowed_failures + 1)
        if future.status == "cancelled":
            self.connection.require_scheduler()
            return [self._out.pop(future.key)[1]]
        answer = self.connection.answer_of(future)
        return [] if answer is None else self._store(self._out.pop(future.key)[1], answer)

    def _store(self, chunk: Chunk, answer: Answer) -> list[Chunk]:
        if isinstance(answer, str):
            raise RewardError(f"A Dask worker cannot score: {answer}.", remedy=SAME)
        if not answer:
            return [chunk]
        return self.batch.store(chunk, checked_outcomes(self.batch.reward.name, self.batch.molecules_of(chunk), answer))

    def _survive(self, chunk: Chunk, deaths: int) -> list[Chunk]:
        """What to do with a chunk over which workers have died, of itself or of something else."""
        self._reward = self.connection.carry(self.message)  # Dask may hold the deaths against the old one
        if not chunk.suspect:
            return chunk.suspects()
        if chunk is not self._alone:
            self._waiting.append(chunk)
            return []
        self._deaths += deaths
        if self._deaths < DEATHS:
            return [chunk]
        reason = f"{self._deaths} Dask workers ended while nothing but this molecule was being scored"
        return self.batch.blame(chunk, "crashed", reason)
