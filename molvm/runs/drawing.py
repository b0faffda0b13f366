"""What a way of drawing samples is: batches at t = 1 from conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.states import State


@dataclass(frozen=True, eq=False)
class Drawn:
    """A batch at t = 1, and what each path has cost and gathered, (B,)."""

    terminal: State
    path_cost: Tensor
    ito: Tensor


Progress = Callable[[int, int], None]
"""Called with (steps done, in all)."""

Draw = Callable[[Tensor | None, int, torch.Generator, Progress | None], Drawn]
"""Draws so many samples under conditions of shape (count,) or none."""
