"""Steering by gradient: a step of the base, shifted by the control u = −σ∇V."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from molvm.errors import StateError
from molvm.sde.control import Steering, reads_endpoint
from molvm.sde.step import Taken, unsteered
from molvm.sde.transition import Transition
from molvm.states import State


def pull(
    control: Steering,
    gradient: State,
    mean: State,
    transition: Transition,
    s: Tensor,
    *,
    allowed: float = math.inf,
    look_ahead: int = 0,
    generator: torch.Generator | None = None,
) -> Taken:
    """One step under the control.

    Args:
        control: What steers.
        gradient: ∇V where the step begins.
        mean: Where the step leads without control or noise, B samples.
        transition: Of this step.
        s: When it ends.
        allowed: Nats that the control may cost a path at most; a stronger one is shortened.
        look_ahead: Sweeps by which the control is found where the step leads instead.
        generator: Source of the noise.

    Raises:
        StateError: A control that reads endpoints cannot look ahead.
    """
    if look_ahead and float(s) < 1:
        gradient = _ahead(control, gradient, transition, mean, s, look_ahead)
    taken = unsteered(mean, transition, generator)
    gradient, cost, ito = _within(allowed, gradient, *_control_sums(transition, gradient, taken.noise))
    return replace(taken, state=taken.state - gradient.scale(transition.shift), cost=cost, ito=ito, gradient=gradient)


def _ahead(control: Steering, gradient: State, transition: Transition, mean: State, s: Tensor, sweeps: int) -> State:
    """What stands in the place of ∇V so that the step is shifted by m = −noise² ∇V(mean + m, s), the chain's best.

    Of all shifts of a Gaussian step it has the least E[V(x_s, s)] + ½|m/noise|², to second order in the step. The fixed
    point is approached from the control where the step begins; V(·, 1) is not learned, so that the last step keeps it.
    """
    if reads_endpoint(control):
        raise StateError(
            "A control that reads the base's endpoint cannot look ahead: that takes the base where the step leads.",
            remedy="look_ahead = 0, or value.reads = state",
        )
    later = s.to(device=mean.device, dtype=mean.dtype).expand(len(mean))
    shift, noise = transition.shift, transition.noise
    share = {name: shift[name] and noise[name] ** 2 / shift[name] for name in shift}
    for _ in range(sweeps):
        gradient = control.gradient(mean - gradient.scale(shift), later).scale(share)
    return gradient


def _control_sums(transition: Transition, gradient: State, noise: State) -> tuple[Tensor, Tensor]:
    if any(level == 0 and transition.shift[name] != 0 for name, level in transition.noise.items()):
        # Without noise a steered path is impossible under the base: its cost is infinite, unless nothing steers.
        squared = gradient.squared_norm()
        return torch.where(squared > 0, torch.inf, squared), torch.zeros_like(squared)
    control = gradient.scale(transition.leverage)
    return control.squared_norm() / 2, -control.inner(noise)


def _within(allowed: float, gradient: State, cost: Tensor, ito: Tensor) -> tuple[State, Tensor, Tensor]:
    """∇V, cost and Itô increment of the control that costs no path more than is allowed.

    Of all controls that short this one has the least Hamiltonian ½|u|² + u·σ∇V, so that what is learned from the paths
    is the value function of the bounded problem.
    """
    if math.isinf(allowed) or not bool((cost > allowed).any()):
        return gradient, cost, ito
    share = torch.sqrt((allowed / cost).clamp(max=1.0))
    return gradient.scale(share), cost.clamp(max=allowed), ito * share
