"""Rewards of images as differentiable functions of their pixels.

They are those of `molvm.rewards.images` without the rounding to 256 levels: values beyond black and white count as
black and white, and have no gradient, as in the image itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from molvm.gradients.jpeg import jpeg_bits
from molvm.rewards.base import Reward
from molvm.rewards.images.colour import LUMA, Brightness, ColourDistance
from molvm.rewards.images.compressed import Compressed
from molvm.rewards.images.learned import LearnedReward
from molvm.states import State

OfPixels = Callable[[Tensor, Sequence[str]], Tensor]
"""Of levels from 0 to 1, (B, 1 or 3, H, W), and what each image was asked to show; one number each, (B,)."""


@runtime_checkable
class Pictured(Protocol):
    """A base model whose states can be seen, with a graph: through a decoder, for latents."""

    def pixels(self, x: State) -> Tensor:
        """About in [-1, 1], (B, 1 or 3, H, W)."""
        ...

    def prompts(self, x: State) -> list[str]:
        """What each sample was asked to show."""
        ...


def of_images(reward: Reward, model: object = None) -> Callable[[State], Tensor] | None:
    """The reward as a function of states at t = 1; None where it has no gradient.

    Args:
        reward: Of images.
        model: What makes the states; without one they are pixels, of images that nothing was asked of.

    Raises:
        ModelError: A judge's files cannot be read.
    """
    function = _of_pixels(reward)
    return None if function is None else partial(_of_state, function, model)


def _of_pixels(reward: Reward) -> OfPixels | None:
    # Subclasses may judge by something else.
    if type(reward) is Brightness:
        return _in_colour(_brightness)
    if type(reward) is ColourDistance:
        return _in_colour(partial(_colour_distance, reward.target))
    if type(reward) is LearnedReward:
        from molvm.models.images.judges.differentiable import JUDGES, DifferentiableClip

        return _in_colour(DifferentiableClip(reward.settings)) if reward.settings["judge"] in JUDGES else None
    if type(reward) is Compressed and reward.format == "jpeg":
        return partial(_jpeg, reward.quality)
    return None


def _of_state(function: OfPixels, model: object, x: State) -> Tensor:
    if isinstance(model, Pictured):
        pixels, prompts = model.pixels(x), model.prompts(x)
    else:
        pixels, prompts = x.parts["x"], [""] * len(x)
    return function(((pixels + 1) / 2).clamp(0, 1), prompts)


def _in_colour(function: OfPixels) -> OfPixels:
    """The function of red, green and blue, also where images are grey."""
    return lambda levels, prompts: function(levels.expand(-1, 3, -1, -1), prompts)


def _jpeg(quality: int, levels: Tensor, _: Sequence[str]) -> Tensor:
    return jpeg_bits(levels, quality)


def _brightness(levels: Tensor, _: Sequence[str]) -> Tensor:
    """Mean luma of the pixels, from 0 to 1."""
    return torch.einsum("bchw,c->b", levels, levels.new_tensor(LUMA)) / levels[0, 0].numel()


def _colour_distance(target: Sequence[float], levels: Tensor, _: Sequence[str]) -> Tensor:
    """Root mean square distance of the pixels to a colour."""
    difference = levels - levels.new_tensor(target)[:, None, None]
    return difference.square().flatten(1).mean(dim=1).sqrt()
