"""How large molecules are."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.errors import ConfigError, ModelError

_ITEM = re.compile(r"(?P<first>\d+)(-(?P<last>\d+))?(:(?P<weight>\d+(\.\d*)?))?")


@dataclass(frozen=True)
class SizeHistogram:
    """How many training molecules have each number of atoms.

    Args:
        sizes: Numbers of atoms, rising.
        counts: Molecules of each size, or weights.

    Raises:
        ModelError: The two do not fit together.
    """

    sizes: tuple[int, ...]
    counts: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.counts) or not self.sizes or min(self.counts) < 0 or sum(self.counts) == 0:
            raise ModelError("The histogram of atom counts is empty or malformed.", allowed="one count for each size")

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent numbers of atoms, integers of shape (count,)."""
        weights = torch.tensor(self.counts, dtype=torch.float64)
        chosen = torch.multinomial(weights, count, replacement=True, generator=generator)
        return torch.tensor(self.sizes)[chosen]

    def restricted(self, wanted: str) -> SizeHistogram:
        """Only the sizes that are wanted.

        Args:
            wanted: "20", "18-24", or several with commas between; each may have a weight, as in "18:1,20:3", which
                takes the place of the molecules that have the size.

        Raises:
            ConfigError: It cannot be read, or names a size that no molecule of the training data has.
        """
        weights: dict[int, float] = {}
        for item in wanted.split(","):
            found = _ITEM.fullmatch(item.strip())
            if found is None:
                raise ConfigError(
                    f"The numbers of atoms {wanted!r} cannot be read.", allowed="20, 18-24, 18,20,22 or 18:1,20:3"
                )
            first, last, weight = int(found["first"]), int(found["last"] or found["first"]), found["weight"]
            weights |= self._between(first, last, None if weight is None else float(weight))
        if not any(weights.values()):
            raise ConfigError(f"The numbers of atoms {wanted!r} have no weight.", allowed="a positive weight")
        sizes = tuple(sorted(weights))
        return SizeHistogram(sizes, tuple(weights[size] for size in sizes))

    def _between(self, first: int, last: int, weight: float | None) -> dict[int, float]:
        known = {
            size: count
            for size, count in zip(self.sizes, self.counts, strict=True)
            if first <= size <= last and count > 0
        }
        if not known:
            asked = f"{first}" if first == last else f"{first} to {last}"
            raise ConfigError(
                f"The base model knows no molecules of {asked} atoms.", allowed=f"{self.sizes[0]} to {self.sizes[-1]}"
            )
        return known if weight is None else dict.fromkeys(known, weight)

    def weighted(self, log_weights: Tensor) -> SizeHistogram:
        """The counts times e^w for one w a size, shape (k,)."""
        factors = torch.exp(log_weights.double() - log_weights.max())
        return SizeHistogram(self.sizes, tuple((torch.tensor(self.counts, dtype=torch.float64) * factors).tolist()))
