"""One batch on its way through the pool: what is done, what is to be done, and whose fault a loss was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from molvm.chem.molecule import Molecule
from molvm.rewards.base import Failure, FailureKind, Outcome, SampleReward
from molvm.rewards.cache import OutcomeCache

Progress = Callable[[Outcome], None]
Check = Callable[[], None]


@dataclass(frozen=True)
class Chunk:
    """Positions in the batch. A suspect chunk is one molecule whose chunk was lost before."""

    positions: tuple[int, ...]
    suspect: bool = False

    def suspects(self) -> list[Chunk]:
        """Every molecule by itself, to find out whose fault the loss of the chunk was."""
        return [Chunk((position,), suspect=True) for position in self.positions]


class Batch:
    """The molecules of one call, and their outcomes as they come in: those that are known already first."""

    def __init__(
        self,
        reward: SampleReward,
        molecules: list[Molecule],
        progress: Progress | None,
        cache: OutcomeCache | None = None,
    ) -> None:
        self.reward = reward
        self.molecules = molecules
        self.n_done = 0
        self._outcomes: list[Outcome | None] = [None] * len(molecules)
        self._progress = progress
        self._cache = cache
        self._recall()

    def chunks(self, size: int, n_workers: int) -> list[Chunk]:
        """The molecules to be evaluated, in chunks small enough that every worker gets some."""
        positions = [position for position, outcome in enumerate(self._outcomes) if outcome is None]
        size = max(1, min(size, len(positions) // (4 * n_workers)))
        return [Chunk(tuple(positions[start : start + size])) for start in range(0, len(positions), size)]

    def molecules_of(self, chunk: Chunk) -> list[Molecule]:
        """The molecules of a chunk."""
        return [self.molecules[position] for position in chunk.positions]

    def store(self, chunk: Chunk, outcomes: list[Outcome]) -> list[Chunk]:
        """Keep the outcomes of the first molecules of a chunk; a chunk of the others."""
        for position, outcome in zip(chunk.positions, outcomes, strict=False):
            self._put(position, outcome)
            if self._cache is not None:
                self._cache.keep(self.reward, self.molecules[position], outcome)
        rest = chunk.positions[len(outcomes) :]
        return [Chunk(rest)] if rest else []

    def blame(self, chunk: Chunk, kind: FailureKind, reason: str, seconds: float = 0.0) -> list[Chunk]:
        """Fail the only molecule of a chunk; split a larger chunk, to find out whose fault it was."""
        if len(chunk.positions) > 1:
            return chunk.suspects()
        molecule = self.molecules[chunk.positions[0]]
        outcome = Outcome(molecule.id, None, self.reward.unit, {}, Failure(kind, "worker", reason), seconds)
        return self.store(chunk, [outcome])

    def accuse(
        self, chunk: Chunk, index: int, kind: FailureKind, reason: str, seconds: float = 0.0, *, certain: bool
    ) -> list[Chunk]:
        """What remains to be done of a chunk that was lost while its molecule of this index was evaluated.

        Args:
            chunk: What was lost.
            index: Of the molecule that it was lost over.
            kind: Of the failure.
            reason: Of the failure.
            seconds: That it took.
            certain: Whether it was that molecule's fault; otherwise it gets another chance, by itself, because what
                came before it may have damaged the worker.
        """
        accused = Chunk(chunk.positions[index : index + 1], suspect=True)
        others = chunk.positions[:index] + chunk.positions[index + 1 :]
        rest = [Chunk(others)] if others else []
        return rest + (self.blame(accused, kind, reason, seconds) if certain or not others else [accused])

    def _recall(self) -> None:
        if self._cache is None:
            return
        for position, molecule in enumerate(self.molecules):
            known = self._cache.find(self.reward, molecule)
            if known is not None:
                self._put(position, known)

    def _put(self, position: int, outcome: Outcome) -> None:
        self._outcomes[position] = outcome
        self.n_done += 1
        if self._progress is not None:
            self._progress(outcome)

    def finished(self) -> list[Outcome]:
        """The outcomes, in the order of the molecules."""
        return [outcome for outcome in self._outcomes if outcome is not None]
