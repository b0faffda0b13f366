"""A small class-conditional U-Net over pixels, which predicts the velocity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from molvm.errors import ConfigError

GROUPS = 8
"""Channels are normalised in so many groups."""


@dataclass(frozen=True)
class PixelConfig:
    """The shape of the images and the size of the network.

    Args:
        size: Height and width in pixels, a multiple of 2 to the number of widths less one.
        channels: 1 for grey values, 3 for colours, others for latents.
        classes: What the images may be of.
        widths: Channels at each resolution, the first at full size, each next one at half; multiples of 8.
        depth: Residual blocks at each resolution, down and up.

    Raises:
        ConfigError: Such a network cannot be built.
    """

    size: int = 16
    channels: int = 1
    classes: int = 10
    widths: tuple[int, ...] = (24, 48, 96)
    depth: int = 1

    def __post_init__(self) -> None:
        if not self.widths or min(self.size, self.channels, self.classes, self.depth, *self.widths) < 1:
            raise ConfigError(f"The network {self} cannot be built.", allowed="numbers from 1")
        if self.size % 2 ** (len(self.widths) - 1) or any(width % GROUPS for width in self.widths):
            raise ConfigError(
                f"The network {self} cannot be built.", allowed="a size that can be halved, widths in multiples of 8"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "widths": list(self.widths)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**values, "widths": tuple(values["widths"])})


class PixelNetwork(nn.Module):
    """v(x, t, class): residual blocks modulated by time and class, with skips between equal resolutions."""

    def __init__(self, config: PixelConfig) -> None:
        super().__init__()
        self.config = config
        widths, context = config.widths, 4 * config.widths[0]
        self.time = nn.Sequential(nn.Linear(config.widths[0], context), nn.SiLU(), nn.Linear(context, context))
        self.label = nn.Embedding(config.classes, context)
        self.enter = nn.Conv2d(config.channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(_stage(width, width, context, config.depth) for width in widths)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.grow = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_stage(2 * width, width, context, config.depth) for width in widths[:-1])
        self.leave = nn.Sequential(
            nn.GroupNorm(GROUPS, widths[0]), nn.SiLU(), nn.Conv2d(widths[0], config.channels, 3, padding=1)
        )

    def forward(self, x: Tensor, t: Tensor, classes: Tensor) -> Tensor:
        """v, of the shape of x, (B, channels, size, size), at times and classes of shape (B,)."""
        context = functional.silu(self.time(_waves(t, self.config.widths[0])) + self.label(classes))
        hidden, skips = self.enter(x), []
        for level, stage in enumerate(self.down):
            hidden = _through(stage, hidden, context)
            if level < len(self.shrink):
                skips.append(hidden)
                hidden = self.shrink[level](hidden)
        for level in reversed(range(len(self.up))):
            hidden = self.grow[level](functional.interpolate(hidden, scale_factor=2.0, mode="nearest"))
            hidden = _through(self.up[level], torch.cat([hidden, skips[level]], dim=1), context)
        velocity: Tensor = self.leave(hidden)
        return velocity


class _Block(nn.Module):
    """Two convolutions, the second modulated (FiLM), beside a skip."""

    def __init__(self, before: int, after: int, context: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(GROUPS, before), nn.SiLU(), nn.Conv2d(before, after, 3, padding=1))
        self.norm = nn.GroupNorm(GROUPS, after)
        self.modulation = nn.Linear(context, 2 * after)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        scale, shift = self.modulation(context)[:, :, None, None].chunk(2, dim=1)
        changed: Tensor = self.second(functional.silu(self.norm(self.first(x)) * (1 + scale) + shift))
        skipped: Tensor = self.skip(x)
        return skipped + changed


def _stage(before: int, after: int, context: int, depth: int) -> nn.ModuleList:
    return nn.ModuleList(_Block(before if index == 0 else after, after, context) for index in range(depth))


def _through(stage: Sequence[nn.Module] | nn.Module, hidden: Tensor, context: Tensor) -> Tensor:
    for block in stage:  # type: ignore[union-attr]
        hidden = block(hidden, context)
    return hidden


def _waves(t: Tensor, count: int) -> Tensor:
    """Sines and cosines of 1 to 1000 periods per 1000 units of time, (B, count)."""
    rates = torch.exp(torch.linspace(0.0, math.log(1000.0), count // 2, device=t.device, dtype=t.dtype))
    angles = t[:, None] * rates
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
