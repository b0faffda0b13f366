"""Standardisation of features by running statistics that depend on the time."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

WINDOW: Final = 500.0
"""Samples at a knot after which old ones fade: features drift while the network learns."""

VARIANCE_FLOOR: Final = 1e-4
"""Added to variances: what hardly varies is not blown up."""


class RunningStandardisation(nn.Module):
    """(h − mean(t)) / √(variance(t) + floor), channel by channel, the statistics piecewise linear in t.

    Pooled features of different molecules are much alike and drift together from noise to data. A readout of the raw
    ones first has to unlearn what they share, which a few hundred labels do not afford. The statistics are taken by
    `observe` alone, never by `forward`, so the function is the same in training and sampling, and its gradient sees
    a constant shift and scale.

    Args:
        width: Channels.
        knots: Times 0, 1/knots, ..., 1 at which statistics are kept.
    """

    mean: Tensor
    square: Tensor
    count: Tensor

    def __init__(self, width: int, knots: int = 20) -> None:
        super().__init__()
        self.knots = knots
        self.register_buffer("mean", torch.zeros(knots + 1, width))
        self.register_buffer("square", torch.ones(knots + 1, width))
        self.register_buffer("count", torch.zeros(knots + 1))

    def forward(self, features: Tensor, t: Tensor) -> Tensor:
        """Standardised features, (B, width), at times of shape (B,)."""
        hats = self._hats(t)
        mean = hats @ self.mean
        variance = hats @ (self.square - self.mean.square()).clamp(min=0)
        return (features - mean) / torch.sqrt(variance + VARIANCE_FLOOR)

    @torch.no_grad()
    def observe(self, features: Tensor, t: Tensor) -> None:
        """Take in features of shape (B, width) at times of shape (B,)."""
        hats = self._hats(t)
        new = hats.sum(dim=0)
        total = (self.count + new).clamp(max=WINDOW)
        share = torch.where(new > 0, new / total.clamp(min=1e-6), 0.0).clamp(max=1.0)[:, None]
        weights = (hats / new.clamp(min=1e-6)).T
        self.mean.add_(share * (weights @ features - self.mean))
        self.square.add_(share * (weights @ features.square() - self.square))
        self.count.copy_(total)

    def _hats(self, t: Tensor) -> Tensor:
        """The weights of the knots at each time, (B, knots + 1): linear interpolation."""
        knots = torch.arange(self.knots + 1, device=t.device, dtype=t.dtype)
        return (1 - (t[:, None] * self.knots - knots).abs()).clamp(min=0)
