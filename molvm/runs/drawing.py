"""What a way of drawing samples is: batches at t = 1 from conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.states import State


@dataclass(frozen=True, eq=False)
class Drawn:
    """A batch at t = 1, what each path has cost and gathered, (B,), and how many samples the reward was asked about."""

    terminal: State
    path_cost: Tensor
    ito: Tensor
    asked: int = 0

    def replaced(self, places: Tensor, others: Drawn) -> Drawn:
        """The batch with others at some places, integers of shape (len(others),)."""
        order = torch.arange(len(self.path_cost))
        order[places] = len(order) + torch.arange(len(places))
        terminal: State = type(self.terminal).cat([self.terminal, others.terminal])
        costs, integrals = (
            torch.cat(pair)[order] for pair in ((self.path_cost, others.path_cost), (self.ito, others.ito))
        )
        return Drawn(terminal.select(order), costs, integrals)


Progress = Callable[[int, int], None]
"""Called with (steps done, in all)."""

Draw = Callable[[Tensor | None, int, torch.Generator, Progress | None], Drawn]
"""Draws so many samples under conditions of shape (count,) or none."""
