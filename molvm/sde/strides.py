"""Which steps of the base are taken at once, and what steers them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Stride:
    """Steps first to end − 1 of a grid.

    Attributes:
        first: The step that it begins with.
        end: The step that the next stride begins with.
        allowed: Nats that steering may cost a path in it, 0 where nothing steers.
        chooses: Whether it is chosen among several that the base proposes; else it is one step.
        pulls: Whether a gradient steers it.
    """

    first: int
    end: int
    allowed: float
    chooses: bool
    pulls: bool


def strides_of(grid: Tensor, allowance: Tensor | None, *, candidates: int, choose_every: int) -> list[Stride]:
    """All steps of a grid.

    Args:
        grid: Times, shape (K+1,).
        allowance: Nats that steering may cost in each step, shape (K,); 0 where nothing steers. None: no limit.
        candidates: Among which there is a choice; 1 for a gradient.
        choose_every: Steps from one choice to the next, at most.
    """
    steps = len(grid) - 1
    allowed = [math.inf] * steps if allowance is None else allowance.tolist()
    # At t = 1 V has not been learned, so that the last step is not chosen.
    chosen = [candidates > 1 and allowed[k] > 0 and float(grid[k + 1]) < 1 for k in range(steps)]
    strides: list[Stride] = []
    first = 0
    while first < steps:
        end = first + 1
        while chosen[first] and end < min(steps, first + choose_every) and chosen[end]:
            end += 1
        pulls = candidates == 1 and allowed[first] > 0
        strides.append(Stride(first, end, sum(allowed[first:end]), chosen[first], pulls))
        first = end
    return strides
