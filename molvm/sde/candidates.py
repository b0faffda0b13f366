"""Steering by choice: from where it stands the base proposes several next states, and the value function chooses.

Of M proposals x_s one goes on, drawn with the probabilities w ∝ exp(−V(x_s, s)). For many it is the transition of the
optimal control. No gradient of V is taken. Where V is rough on the scale of a step, a gradient says little of where a
step of that length leads, and a choice does not ask for it; what a gradient costs, a forward and a backward pass of
the base where the network reads endpoints, is here the passes of the proposals, and that of the chosen one is the
next step's.

The proposals are the base's. Taken with the choice as one, as in particle filters, they have a density relative to the
base's with a choice at random: M w of the chosen one. The mean of its logarithm over the choice, at most log M, is what
the step costs, its divergence from the base; what is left of it takes the place of the Itô increment. So the weights of
whole paths are those of p*, whatever V is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from molvm.models.base import FlowModel
from molvm.sde.transition import Transition
from molvm.states import State

if TYPE_CHECKING:
    from molvm.sde.simulate import Control

HALVINGS: Final = 30
"""By which the tempering is found that meets an allowance."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """What goes on.

    Attributes:
        state: x_s, B samples.
        endpoint: The base's x̂₁ of them, if V has asked for it.
        noise: The standard normal draws that led to them.
        cost: Σ w log M w of each, shape (B,), not negative.
        ito: log M w of the chosen one less the cost, shape (B,), zero in the mean.
    """

    state: State
    endpoint: State | None
    noise: State
    cost: Tensor
    ito: Tensor


def choose(
    model: FlowModel,
    control: Control,
    mean: State,
    transition: Transition,
    s: Tensor,
    count: int,
    *,
    allowed: float = math.inf,
    generator: torch.Generator | None = None,
) -> Chosen:
    """A step of the base, chosen among several.

    Args:
        model: The base model.
        control: The value function V.
        mean: Where the base's step leads without noise, B samples.
        transition: Of this step.
        s: When it ends, before t = 1, of shape ().
        count: M.
        allowed: Nats that the choice may cost in the mean; the weights are tempered to it.
        generator: Source of all randomness.
    """
    rows = torch.arange(len(mean), device=mean.device)
    means = mean.select(rows.repeat_interleave(count))
    noise = means.randn_like(generator)
    proposed = means + noise.scale(transition.noise)
    times = s.to(device=mean.device, dtype=mean.dtype).expand(len(proposed))
    endpoint = None
    if getattr(control, "reads", "state") == "endpoint":
        endpoint = model.predict_endpoint(proposed, times).to(dtype=mean.dtype).project()
    values = control(proposed if endpoint is None else endpoint, times).to(mean.device).double()
    log_shares = tempered(-values.view(-1, count), allowed)
    picked = torch.multinomial(log_shares.exp(), 1, generator=generator).squeeze(1)
    index = picked + count * rows
    cost = _divergence(log_shares).squeeze(1)
    return Chosen(
        proposed.select(index),
        None if endpoint is None else endpoint.select(index),
        noise.select(index),
        cost.to(mean.dtype),
        (log_shares[rows, picked] + math.log(count) - cost).to(mean.dtype),
    )


def tempered(log_weights: Tensor, allowed: float) -> Tensor:
    """Log w, normalised, of the weights' largest power up to 1 whose divergence from a choice at random is allowed.

    Args:
        log_weights: Shape (B, M).
        allowed: Nats, positive.
    """
    low, high = torch.zeros_like(log_weights[:, :1]), torch.ones_like(log_weights[:, :1])
    if bool((_divergence(log_weights) > allowed).any()):
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            within = _divergence(middle * log_weights) <= allowed
            low, high = torch.where(within, middle, low), torch.where(within, high, middle)
        high = torch.where(_divergence(log_weights) <= allowed, torch.ones_like(low), low)
    return torch.log_softmax(high * log_weights, dim=1)


def _divergence(log_weights: Tensor) -> Tensor:
    """Σ w log(M w), shape (B, 1)."""
    log_shares = torch.log_softmax(log_weights, dim=1)
    divergence = (log_shares.exp() * (log_shares + math.log(log_weights.shape[1]))).sum(dim=1, keepdim=True)
    return divergence.clamp(min=0.0)  # equal weights round to less
