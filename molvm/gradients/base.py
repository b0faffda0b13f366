"""What a method may ask of a reward that needs its gradient, and which rewards can answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.gradients.images import of_images
from molvm.models.images.denoiser import DECODED_AT_ONCE, DenoiserModel
from molvm.rewards.base import Reward
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
        decodes: Whether a decoder's network is a part of it.
    """

    def __init__(
        self,
        reward: Callable[[State], Tensor],
        sign: float = 1.0,
        at_once: int | None = None,
        *,
        decodes: bool = False,
    ) -> None:
        self.reward, self.sign, self.at_once, self.decodes = reward, sign, at_once, decodes

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


def require_differentiable(reward: Reward, method: str, model: object = None) -> Worth:
    """The reward with its gradient.

    A reward has one if it is a `DifferentiableReward` itself, or one of those that molvm can differentiate. What judges
    images is taken through the decoder of a base model of latents.

    Args:
        reward: The reward.
        method: What needs the gradient, for messages.
        model: What makes the states; without one those of images are pixels.

    Raises:
        ConfigError: It is a black box.
        ModelError: The files of a judge cannot be read.
    """
    found = reward.of_state if isinstance(reward, DifferentiableReward) else of_images(reward, model)
    if found is None:
        raise ConfigError(
            f"{method} needs the gradient of the reward, and {reward.name!r} is a black box.",
            allowed="brightness, colour, jpeg, clip_score, aesthetic, pickscore, hps, or a reward of your own with "
            "`of_state`, its value as a differentiable function of samples at t = 1",
            remedy="objective.gradient = surrogate, which learns one from the run's outcomes; or a method that needs "
            f"values alone: {WITHOUT_GRADIENT}",
        )
    sign = 1.0 if reward.direction == "maximise" else -1.0
    if isinstance(reward, DifferentiableReward) or not isinstance(model, DenoiserModel):
        return Worth(found, sign)
    # A decoder keeps much of what it has computed, until it has been differentiated.
    return Worth(found, sign, DECODED_AT_ONCE, decodes=model.denoiser.decoder is not None)
