"""How large molecules are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.errors import ModelError


@dataclass(frozen=True)
class SizeHistogram:
    """How many training molecules have each number of atoms.

    Args:
        sizes: Numbers of atoms, rising.
        counts: Molecules of each size.

    Raises:
        ModelError: The two do not fit together.
    """

    sizes: tuple[int, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.counts) or not self.sizes or min(self.counts) < 0 or sum(self.counts) == 0:
            raise ModelError("The histogram of atom counts is empty or malformed.", allowed="one count for each size")

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent numbers of atoms, integers of shape (count,)."""
        weights = torch.tensor(self.counts, dtype=torch.float64)
        chosen = torch.multinomial(weights, count, replacement=True, generator=generator)
        return torch.tensor(self.sizes)[chosen]
