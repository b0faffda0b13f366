"""What a method may ask of a reward that needs its gradient, and which rewards can answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, runtime_checkable

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.gradients.images import brightness, colour_distance
from molvm.gradients.jpeg import jpeg_bits
from molvm.models.base import FlowModel
from molvm.models.images.denoiser import DECODED_AT_ONCE, DenoiserModel
from molvm.rewards.base import Reward
from molvm.rewards.images.colour import Brightness, ColourDistance
from molvm.rewards.images.compressed import Compressed
from molvm.states import State

WITHOUT_GRADIENT: Final = (
    "value-matching, classifier-guidance, ddpo, dpok or ct-ppo; without training, by `molvm sample --method`, svdd, "
    "feynman-kac or best-of"
)
"""The methods for black-box rewards."""


@runtime_checkable
class DifferentiableReward(Protocol):
    """A reward that is also a differentiable function of the states that are decoded into what it judges."""

    def of_state(self, x: State) -> Tensor:
        """R of the samples at t = 1, shape (B,), in the reward's unit, with its graph."""
        ...


class Worth:
    """r of terminal states, negated where less is better, and its gradient.

    Args:
        reward: Of states, shape (B,).
        sign: 1 if more is better, −1 if less is.
        at_once: Samples that are differentiated at once; all by default.
    """

    def __init__(self, reward: Callable[[State], Tensor], sign: float = 1.0, at_once: int | None = None) -> None:
        self.reward, self.sign, self.at_once = reward, sign, at_once

    def __call__(self, x: State) -> Tensor:
        """What the samples are worth, shape (B,), with its graph."""
        return self.sign * self.reward(x)

    def gradient(self, x: State) -> State:
        """∇r in the geometry of the state space, detached."""
        portions = x.portions(self.at_once or max(1, len(x)))
        return x.reassembled(portions, [self._gradient(x.select(each)) for each in portions])

    def _gradient(self, x: State) -> State:
        with torch.enable_grad():
            leaf = x.leaf()
            parts = dict(leaf.parts)
            found = torch.autograd.grad(self(leaf).sum(), list(parts.values()), materialize_grads=True)
        return leaf.riesz(dict(zip(parts, found, strict=True))).detach()


def require_differentiable(reward: Reward, method: str, model: FlowModel | None = None) -> Worth:
    """The reward with its gradient.

    A reward has one if it is a `DifferentiableReward` itself, or one of those that molvm can differentiate. What judges
    images is taken through the decoder of a base model of latents.

    Args:
        reward: The reward.
        method: What needs it, for messages.
        model: The base model; None where its states are what is judged.

    Raises:
        ConfigError: It is a black box.
    """
    found, at_once = _function_of(reward), None
    if found is None:
        raise ConfigError(
            f"{method} needs the gradient of the reward, and {reward.name!r} is a black box.",
            allowed="brightness, colour, jpeg, or a reward of your own with `of_state`, its value as a "
            "differentiable function of samples at t = 1",
            remedy="objective.gradient = surrogate, which learns one from the run's outcomes; or a method that needs "
            f"values alone: {WITHOUT_GRADIENT}",
        )
    if isinstance(model, DenoiserModel) and not isinstance(reward, DifferentiableReward):
        found, at_once = _of_pixels(found, model), DECODED_AT_ONCE
    return Worth(found, 1.0 if reward.direction == "maximise" else -1.0, at_once)


def _of_pixels(function: Callable[[State], Tensor], model: DenoiserModel) -> Callable[[State], Tensor]:
    return lambda x: function(model.pixels(x)).to(x.dtype)


def _function_of(reward: Reward) -> Callable[[State], Tensor] | None:
    if isinstance(reward, DifferentiableReward):
        return reward.of_state
    # Subclasses may judge by something else.
    if type(reward) is Brightness:
        return brightness
    if type(reward) is ColourDistance:
        return partial(colour_distance, target=reward.target)
    if type(reward) is Compressed and reward.format == "jpeg":
        return partial(jpeg_bits, quality=reward.quality)
    return None
