"""Running statistics that depend on the time, and the standardisation of features by them."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

WINDOW: Final = 500.0
"""Samples at a knot after which old ones fade: features drift while the network learns."""

VARIANCE_FLOOR: Final = 1e-4
"""Added to variances: what hardly varies is not blown up."""


class RunningMeans(nn.Module):
    """Means of some numbers as functions of the time, piecewise linear between knots; 0 where nothing was observed.

    Args:
        width: How many numbers.
        knots: Knots lie at the times 0, 1/knots, ..., 1.
    """

    means: Tensor
    count: Tensor

    def __init__(self, width: int, knots: int = 20) -> None:
        super().__init__()
        self.knots = knots
        self.register_buffer("means", torch.zeros(knots + 1, width))
        self.register_buffer("count", torch.zeros(knots + 1))

    def forward(self, t: Tensor) -> Tensor:
        """The means at times of shape (B,), (B, width)."""
        return self._hats(t) @ self.means

    @torch.no_grad()
    def observe(self, values: Tensor, t: Tensor) -> None:
        """Take in values of shape (B, width) at times of shape (B,)."""
        hats = self._hats(t)
        new = hats.sum(dim=0)
        total = (self.count + new).clamp(max=WINDOW)
        share = torch.where(new > 0, new / total.clamp(min=1e-6), 0.0).clamp(max=1.0)[:, None]
        self.means.add_(share * ((hats / new.clamp(min=1e-6)).T @ values - self.means))
        self.count.copy_(total)

    def _hats(self, t: Tensor) -> Tensor:
        """The weights of the knots at each time, (B, knots + 1): linear interpolation."""
        knots = torch.arange(self.knots + 1, device=t.device, dtype=t.dtype)
        return (1 - (t[:, None] * self.knots - knots).abs()).clamp(min=0)


class RunningStandardisation(nn.Module):
    """(h − mean(t)) / √(variance(t) + floor), channel by channel.

    Pooled features of different molecules are much alike and drift together from noise to data. A readout of the raw
    ones first has to unlearn what they share, which a few hundred labels do not afford. The statistics are taken by
    `observe` alone, never by `forward`, so the function is the same in training and sampling, and its gradient sees
    a constant shift and scale.

    Args:
        width: Channels.
        knots: As of `RunningMeans`.
    """

    def __init__(self, width: int, knots: int = 20) -> None:
        super().__init__()
        self.moments = RunningMeans(2 * width, knots)

    def forward(self, features: Tensor, t: Tensor) -> Tensor:
        """Standardised features, (B, width), at times of shape (B,); as they are where nothing was observed."""
        mean, square = self.moments(t).chunk(2, dim=1)
        variance = torch.where(square > 0, square - mean.square(), 1.0).clamp(min=0)
        standard: Tensor = (features - mean) / torch.sqrt(variance + VARIANCE_FLOOR)
        return standard

    def observe(self, features: Tensor, t: Tensor) -> None:
        """Take in features of shape (B, width) at times of shape (B,)."""
        self.moments.observe(torch.cat([features, features.square()], dim=1), t)
