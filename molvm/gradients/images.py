"""Rewards of images as differentiable functions of their states.

They are those of `molvm.rewards.images` without the rounding to 256 levels: values beyond black and white count as
black and white, and have no gradient, as in the image itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from molvm.gradients.pixels import levels
from molvm.rewards.images.colour import LUMA
from molvm.states import State


def brightness(x: State) -> Tensor:
    """Mean luma of the pixels, shape (B,), from 0 to 1."""
    return torch.einsum("bchw,c->b", _rgb(x), _rgb(x).new_tensor(LUMA)) / x.parts["x"][0, 0].numel()


def colour_distance(x: State, target: Sequence[float]) -> Tensor:
    """Root mean square distance of the pixels to a colour, shape (B,)."""
    difference = _rgb(x) - _rgb(x).new_tensor(target)[:, None, None]
    return difference.square().flatten(1).mean(dim=1).sqrt()


def _rgb(x: State) -> Tensor:
    """Levels from 0 to 1, (B, 3, H, W), of states that are about in [-1, 1]."""
    return levels(x).expand(-1, 3, -1, -1)
