"""What a training run tells whoever watches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from molvm.training.trainer import Iteration


@runtime_checkable
class TrainingProgress(Protocol):
    """A watcher of a training run."""

    def prepare(self, doing: str, done: int, count: int) -> None:
        """Before the loop: so much of something has been done."""
        ...

    def begin(self, iteration: int, iterations: int) -> None:
        """The loop starts, with so many of all iterations finished before."""
        ...

    def step(self, done: int, steps: int) -> None:
        """The rollout has done some of its steps."""
        ...

    def scored(self, done: int, count: int) -> None:
        """The reward has seen some molecules of the batch."""
        ...

    def iteration(self, report: Iteration) -> None:
        """An iteration is finished and recorded."""
        ...


class Silence:
    """Watches and says nothing."""

    def prepare(self, doing: str, done: int, count: int) -> None:
        """Nothing."""

    def begin(self, iteration: int, iterations: int) -> None:
        """Nothing."""

    def step(self, done: int, steps: int) -> None:
        """Nothing."""

    def scored(self, done: int, count: int) -> None:
        """Nothing."""

    def iteration(self, report: Iteration) -> None:
        """Nothing."""
