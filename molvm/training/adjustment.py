"""What a run makes of rewards that no single molecule can know: bounds on means, what was paid before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from molvm.rewards.base import Outcome


class Adjustment(Protocol):
    """Changes what molecules are worth by what the run has seen; its memory is part of every checkpoint."""

    @property
    def name(self) -> str:
        """Of its part of a checkpoint."""
        ...

    def __call__(
        self, samples: Sequence[Any], outcomes: Sequence[Outcome], rewards: Tensor
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Take in a batch.

        Args:
            samples: B decoded samples.
            outcomes: Of each.
            rewards: What each is worth so far, shape (B,), the larger the better.

        Returns:
            What each is worth now, shape (B,), and metrics to log, all finite.
        """
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """All that it remembers."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: The tensors are not its own.
        """
        ...
