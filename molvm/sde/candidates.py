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
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from molvm.models.base import FlowModel
from molvm.sde.control import Control, reads_endpoint
from molvm.sde.doubt import Doubt
from molvm.sde.step import Taken
from molvm.sde.transition import Transition
from molvm.states import State

HALVINGS: Final = 30
"""By which the tempering is found that meets an allowance."""


def choose(
    model: FlowModel,
    control: Control,
    mean: State,
    transitions: Sequence[Transition],
    times: Tensor,
    count: int,
    *,
    allowed: float = math.inf,
    doubt: Doubt | None = None,
    generator: torch.Generator | None = None,
    on_step: Callable[[int], None] | None = None,
) -> Taken:
    """Some steps of the base, chosen among several such paths by where they end.

    Args:
        model: The base model.
        control: The value function V.
        mean: Where the first step leads without noise, B samples.
        transitions: Of these steps.
        times: When each ends, all before t = 1, shape (len(transitions),).
        count: M.
        allowed: Nats that the choice may cost in the mean; the weights are tempered to it.
        doubt: What is added to V where x̂₁ promises a failure.
        generator: Source of all randomness.
        on_step: Called with the number of steps that all candidates have taken, but for the last.
    """
    rows = torch.arange(len(mean), device=mean.device)
    proposed, noise = _proposed(
        model, mean.select(rows.repeat_interleave(count)), transitions, times, generator, on_step
    )
    endpoint = None
    if reads_endpoint(control) or doubt is not None:
        endpoint = _endpoint(model, proposed, times[-1])
    read = endpoint if endpoint is not None and reads_endpoint(control) else proposed
    values = control(read, _all_at(times[-1], proposed)).to(mean.device).double()
    if doubt is not None and endpoint is not None:
        values = values + doubt(endpoint, times[-1]).to(mean.device)
    log_shares = tempered(-values.view(-1, count), allowed)
    picked = torch.multinomial(log_shares.exp(), 1, generator=generator).squeeze(1)
    index = picked + count * rows
    cost = _divergence(log_shares).squeeze(1)
    return Taken(
        proposed.select(index),
        noise.select(index),
        cost.to(mean.dtype),
        (log_shares[rows, picked] + math.log(count) - cost).to(mean.dtype),
        endpoint=None if endpoint is None else endpoint.select(index),
    )


def _proposed(
    model: FlowModel,
    mean: State,
    transitions: Sequence[Transition],
    times: Tensor,
    generator: torch.Generator | None,
    on_step: Callable[[int], None] | None,
) -> tuple[State, State]:
    """Where the base goes on its own, and the noise of its last step."""
    first, *others = transitions
    noise = mean.randn_like(generator)
    x = mean + noise.scale(first.noise)
    for done, (transition, t) in enumerate(zip(others, times, strict=False), start=1):  # each from where one has ended
        if on_step is not None:
            on_step(done)
        noise = x.randn_like(generator)
        x = x.scale(transition.keep) + _endpoint(model, x, t).scale(transition.pull) + noise.scale(transition.noise)
    return x, noise


def _endpoint(model: FlowModel, x: State, t: Tensor) -> State:
    return model.predict_endpoint(x, _all_at(t, x)).to(dtype=x.dtype).project()


def _all_at(t: Tensor, x: State) -> Tensor:
    return t.to(device=x.device, dtype=x.dtype).expand(len(x))


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
