"""Which steps of a round's paths are learned from, when not all are."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from molvm.errors import ConfigError

STREAM: Final = 0x73746570
"""Mixed into the number of the round, so that no other randomness is met."""


class StepChoice(nn.Module):
    """The last steps, and one at random of each of equal stretches before them; it counts the rounds.

    Args:
        early_share: How many of all steps are drawn from those before the last, as a share; at most all of them.
        late_share: How many are the last, which are always chosen, as a share; one at least.
    """

    turn: Tensor

    def __init__(self, early_share: float, late_share: float) -> None:
        super().__init__()
        self.early_share, self.late_share = early_share, late_share
        self.register_buffer("turn", torch.zeros((), dtype=torch.int64))

    def draw(self, steps: int) -> list[int]:
        """The steps of the next round, of `steps` in all, in order."""
        late = min(steps, max(1, round(self.late_share * steps)))
        before = steps - late
        early = min(before, round(self.early_share * steps))
        generator = self.generator()
        edges = torch.linspace(0, before, early + 1, dtype=torch.float64)
        places = edges[:-1] + torch.rand(early, generator=generator, dtype=torch.float64) * edges.diff()
        return [*sorted({min(int(place), before - 1) for place in places.tolist()}), *range(before, steps)]

    def one_late(self, steps: int) -> int:
        """One step at random of the last of `steps`, for the next round."""
        late = min(steps, max(1, round(self.late_share * steps)))
        return int(torch.randint(steps - late, steps, (), generator=self.generator()))

    def generator(self) -> torch.Generator:
        """Randomness of the next round, the same after a resumption."""
        self.turn += 1
        return torch.Generator().manual_seed(STREAM ^ int(self.turn))


def check_share(name: str, share: float) -> None:
    """Refuse what is no share.

    Raises:
        ConfigError: It is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"{name} is {share}.", allowed="a number from 0 to 1")
