"""What a step has led to, and the step of the base alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.sde.transition import Transition
from molvm.states import State


@dataclass(frozen=True, eq=False)
class Taken:
    """A step that was taken, or several of which one was chosen.

    Attributes:
        state: x_s, B samples.
        noise: The standard normal draws of the last step that led there.
        cost: Nats that steering has cost, shape (B,), not negative.
        ito: The Itô integral's increment, or what stands in its place, shape (B,), zero in the mean.
        gradient: What pulled, if anything did.
        endpoint: The base's x̂₁ of the state, if it is known.
    """

    state: State
    noise: State
    cost: Tensor
    ito: Tensor
    gradient: State | None = None
    endpoint: State | None = None


def unsteered(mean: State, transition: Transition, generator: torch.Generator | None = None) -> Taken:
    """One step of the base alone.

    Args:
        mean: Where the step leads without noise.
        transition: Of this step.
        generator: Source of the noise.
    """
    noise = mean.randn_like(generator)
    x = mean + noise.scale(transition.noise)
    free = torch.zeros(len(x), device=x.device, dtype=x.dtype)
    return Taken(x, noise, free, free)
