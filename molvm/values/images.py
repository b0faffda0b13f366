"""f(x, t) for images and latents: the paper's convolutional network, conditioned on class or prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from molvm.errors import ConfigError, StateError
from molvm.states import State
from molvm.values.base import Reads

IMAGES_AT_ONCE: Final = 32
"""Images in one pass, forward and back; a batch is spread over the cores in such portions."""

TIME_FEATURES: Final = 128
"""Sines and cosines of the time."""

FASTEST: Final = 1000.0
"""Radians per unit of time of the fastest of them."""


@dataclass(frozen=True)
class ImageValueConfig:
    """The size of the network.

    Args:
        widths: Channels of each stage; between two stages the image is blurred and halved.

    Raises:
        ConfigError: There is no stage, or one without channels.
    """

    widths: tuple[int, ...] = (64, 128, 256)

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1:
            raise ConfigError(f"The stages have {self.widths} channels.", allowed="one stage or more, of 1 or more")


class ImageValue(nn.Module):
    """Stages of two modulated convolutions beside a skip, then the mean over the image and a zero-initialised output.

    Args:
        channels: Of the states.
        config: The size.
        conditions: The values that a condition can take; None for a process without condition.
        descriptions: What is known of each condition, (number of conditions, features), for prompts the mean of their
            tokens' embeddings; by default each condition has a learned vector of its own.
        reads: Whether it is given x_t, or the base model's x̂₁(x_t, t).

    Raises:
        ConfigError: There is not one description a condition.
    """

    samples_at_once = IMAGES_AT_ONCE
    trained_at_once = IMAGES_AT_ONCE
    conditions: Tensor
    descriptions: Tensor
    rates: Tensor

    def __init__(
        self,
        channels: int,
        config: ImageValueConfig | None = None,
        *,
        conditions: Sequence[int] | None = None,
        descriptions: Tensor | None = None,
        reads: Reads = "state",
    ) -> None:
        super().__init__()
        widths, known = (config or ImageValueConfig()).widths, sorted(set(conditions or ()))
        if descriptions is not None and len(descriptions) != len(known):
            raise ConfigError(f"There are {len(descriptions)} descriptions of {len(known)} conditions.")
        self.reads: Reads = reads
        context = 4 * widths[0]
        half = TIME_FEATURES // 2
        self.register_buffer("rates", torch.logspace(0, math.log10(FASTEST), half), persistent=False)
        self.register_buffer("conditions", torch.tensor(known, dtype=torch.int64), persistent=False)
        described = torch.eye(len(known)) if descriptions is None else descriptions.float()
        self.register_buffer("descriptions", described, persistent=False)
        self.time = nn.Sequential(nn.Linear(TIME_FEATURES, context), nn.SiLU(), nn.Linear(context, context))
        self.describe = nn.Linear(described.shape[1], context) if known else None
        self.enter = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(
            _Stage(before, after, context) for before, after in zip((widths[0], *widths), widths, strict=False)
        )
        self.output = nn.Linear(widths[-1], 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: State, t: Tensor) -> Tensor:
        """f(x, t), shape (B,), of states of shape (B, channels, height, width)."""
        context = functional.silu(self._context(x.condition, t))
        hidden = self.enter(x.parts["x"])
        for index, stage in enumerate(self.stages):
            hidden = stage(hidden if index == 0 else blurred_half(hidden), context)
        value: Tensor = self.output(hidden.mean(dim=(2, 3)))
        return value.squeeze(1)

    def _context(self, condition: Tensor | None, t: Tensor) -> Tensor:
        angles = t[:, None] * self.rates.to(t.dtype)
        context: Tensor = self.time(torch.cat([torch.sin(angles), torch.cos(angles)], dim=1))
        if self.describe is None:
            return context
        if condition is None:
            raise StateError("The value network is conditional, but the samples have no condition.")
        # Which conditions are known is checked by the table V₀.
        index = torch.searchsorted(self.conditions, condition.to(self.conditions))
        described: Tensor = self.describe(self.descriptions.to(t.dtype)[index])
        return context + described


def blurred_half(x: Tensor) -> Tensor:
    """The image blurred by 1-2-1 in both directions, reflected at its border, and every other pixel of it.

    Args:
        x: (B, C, H, W) with H, W from 2.

    Returns:
        (B, C, ⌈H/2⌉, ⌈W/2⌉).
    """
    line = x.new_tensor([0.25, 0.5, 0.25])
    kernel = (line[:, None] * line).expand(x.shape[1], 1, 3, 3)
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=x.shape[1])


class _Stage(nn.Module):
    """Two convolutions, each normalised within its channels and modulated (FiLM), beside a skip."""

    def __init__(self, before: int, after: int, context: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(width, after, 3, padding=1) for width in (before, after))
        self.norms = nn.ModuleList(nn.GroupNorm(after, after) for _ in range(2))
        self.modulations = nn.ModuleList(nn.Linear(context, 2 * after) for _ in range(2))
        self.skip = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        hidden = x
        for convolution, norm, modulation in zip(self.convolutions, self.norms, self.modulations, strict=True):
            scale, shift = modulation(context)[:, :, None, None].chunk(2, dim=1)
            hidden = functional.silu(norm(convolution(hidden)) * (1 + scale) + shift)
        skipped: Tensor = self.skip(x)
        return skipped + hidden
