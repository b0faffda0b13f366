"""Rewards of points, for problems with a closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.rewards.base import Direction, Outcome
from molvm.states import State


@dataclass(frozen=True)
class PointReward:
    """A differentiable function of points as a reward of what `GaussianMixtureModel` decodes.

    Args:
        function: Of points of shape (B, d), shape (B,); an `ExactReward` for instance.
        name: What tables call it.
        direction: Which way is better.
    """

    function: Callable[[Tensor], Tensor]
    name: str = "points"
    direction: Direction = "maximise"
    unit: str = ""
    floor: float | None = 0.0

    def __call__(self, samples: Sequence[Tensor]) -> list[Outcome]:
        """The values of the points, each of shape (d,)."""
        values = self.function(torch.stack(list(samples))).tolist()
        return [Outcome(str(index), value) for index, value in enumerate(values)]

    def of_state(self, x: State) -> Tensor:
        """The values of a state of points, shape (B,), with their graph."""
        return self.function(x.parts["x"])
