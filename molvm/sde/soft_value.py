"""What a state on the way promises: −V(x, t) = log E[exp(λr(x₁)) given x_t = x], or a guess of it.

Methods that act only at sampling time need no more than this number, so the reward may be a black box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from molvm.models.base import FlowModel
from molvm.sde.control import Control, reads_endpoint
from molvm.states import State

SoftValue = Callable[[State, Tensor], Tensor]
"""In nats, shape (B,), of B states at one time, a tensor of shape (). At t = 1 it is λr itself."""

LogTarget = Callable[[Sequence[Any]], Tensor]
"""λr of decoded samples, in nats, shape (count,)."""


def posterior_mean_value(model: FlowModel, log_target: LogTarget) -> SoftValue:
    """λ r(x̂₁(x, t)): the reward of what the base expects (Li et al. 2024, "Derivative-free guidance", SVDD-PM).

    It costs a call of the base and a reward a state. It is exact where the reward is linear, but for a term that
    depends on t alone, and at t = 1.
    """

    def value(x: State, t: Tensor) -> Tensor:
        endpoint = x if bool(t >= 1) else model.predict_endpoint(x, _times(x, t)).to(dtype=x.dtype).project()
        return log_target(model.decode(endpoint))

    return value


@torch.no_grad()
def value_of(model: FlowModel, control: Control, x: State, t: Tensor) -> Tensor:
    """V at one time, shape (B,), through the base if the control reads x̂₁."""
    times = _times(x, t)
    read = model.predict_endpoint(x, times).to(dtype=x.dtype).project() if reads_endpoint(control) else x
    return control(read, times).to(dtype=x.dtype)


def learned_value(model: FlowModel, control: Control, log_target: LogTarget) -> SoftValue:
    """−V of a value function that was learned (SVDD-MC); at t = 1 the reward itself, the only time it is asked."""

    def value(x: State, t: Tensor) -> Tensor:
        return log_target(model.decode(x)) if bool(t >= 1) else -value_of(model, control, x, t)

    return value


def _times(x: State, t: Tensor) -> Tensor:
    return t.to(device=x.device, dtype=x.dtype).expand(len(x))
