"""Twisted sequential Monte Carlo: samples of p* although V is not exact.

A group of particles is steered by V, and weighted by what V has got wrong on the way. Between stretches of steps those
of large weight are copied and those of small weight dropped. The last weight holds the reward itself, so that one
particle drawn by it obeys p* ∝ p exp(λr) in the limit of many particles, whatever V is (Wu, Trippe, Naesseth, Blei,
Cunningham, "Practical and asymptotically exact conditional sampling in diffusion models", 2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from molvm.models.base import FlowModel
from molvm.sde.control import Control
from molvm.sde.doubt import Doubt
from molvm.sde.simulate import simulate
from molvm.sde.soft_value import value_of
from molvm.sde.transition import Stepper
from molvm.states import State

STRETCHES = 20
"""How often weights are looked at on the way."""


@dataclass(frozen=True, eq=False)
class Particles:
    """G groups of K particles at t = 1, the particles of a group one after the other.

    Args:
        terminal: Their states, G·K samples.
        path_cost: ½∫|u|² of the path that led to each, shape (G·K,).
        ito: ∫u·dB of it, likewise.
        log_weights: log weight of each within its group, the reward not yet in it, shape (G, K).
        log_z: What resampling has taken out of the weights of each group, shape (G,).
    """

    terminal: State
    path_cost: Tensor
    ito: Tensor
    log_weights: Tensor
    log_z: Tensor


def twisted_particles(
    model: FlowModel,
    x0: State,
    particles: int,
    grid: Tensor,
    *,
    control: Control,
    generator: torch.Generator | None,
    stepper: Stepper,
    allowance: Tensor,
    look_ahead: int = 0,
    candidates: int = 1,
    choose_every: int = 1,
    doubt: Doubt | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Particles:
    """Simulate groups of particles from noise to data.

    Args:
        model: The base model.
        x0: G·K samples of noise, those of a group one after the other and of one condition.
        particles: K.
        grid: Times, shape (S+1,).
        control: What steers, and twists the weights.
        generator: Source of all randomness.
        stepper: How a step is made; with noise in every modality.
        allowance: Nats that the control of each step may cost, shape (S,), as for `simulate`.
        look_ahead: Sweeps, as for `simulate`.
        candidates: Likewise.
        choose_every: Likewise; weights are looked at between choices.
        doubt: Likewise.
        on_step: Called with (steps done, S).

    Raises:
        DivergenceError: A state is no longer finite.
    """
    steps = len(grid) - 1
    x, cost, ito = x0, torch.zeros(len(x0)), torch.zeros(len(x0))
    log_weights, log_z = torch.zeros(len(x0) // particles, particles), torch.zeros(len(x0) // particles)
    log_twist = torch.zeros(len(x0))
    bounds = sorted({round(steps * stretch / STRETCHES) for stretch in range(STRETCHES + 1)})
    for start, end in pairwise(bounds):
        path = simulate(
            model,
            x,
            grid[start : end + 1],
            control=control,
            generator=generator,
            stepper=stepper,
            keep_states=False,
            allowance=allowance[start:end],
            look_ahead=look_ahead,
            candidates=candidates,
            choose_every=choose_every,
            doubt=doubt,
            on_step=shifted(on_step, start, steps),
        )
        x, paid, gathered = path.terminal, path.path_cost, path.ito.sum(dim=0)
        cost, ito = cost + paid, ito + gathered
        # At t = 1 the reward takes the place of V; whoever knows it adds it.
        new_twist = torch.zeros(len(x)) if end == steps else -value_of(model, control, x, grid[end])
        log_weights = log_weights + (new_twist - log_twist - paid - gathered).view_as(log_weights)
        log_twist = new_twist
        if end < steps:
            kept, log_weights, log_z = resampled(log_weights, log_z, generator)
            x, cost, ito, log_twist = x.select(kept), cost[kept], ito[kept], log_twist[kept]
    return Particles(x, cost, ito, log_weights, log_z)


def effective_particles(log_weights: Tensor) -> Tensor:
    """(Σw)²/Σw² of each group, shape (G,), from 1 to K."""
    return torch.exp(2 * torch.logsumexp(log_weights, dim=1) - torch.logsumexp(2 * log_weights, dim=1))


def resampled(log_weights: Tensor, log_z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
    """Which of all particles go on, shape (G·K,), and the weights and log Z after that.

    Systematic, and only in groups in which fewer than half of the particles count; the others keep their weights.

    Args:
        log_weights: Shape (G, K).
        log_z: What earlier resampling has taken out of the weights, shape (G,).
        generator: Source of the one draw a group.
    """
    groups, particles = log_weights.shape
    poor = effective_particles(log_weights) < particles / 2
    reached = torch.softmax(log_weights.double(), dim=1).cumsum(dim=1)
    reached[:, -1] = 1.0
    offsets = torch.rand(groups, 1, generator=generator, dtype=torch.float64)
    wanted = (torch.arange(particles) + offsets) / particles
    ancestors = torch.where(poor[:, None], torch.searchsorted(reached, wanted), torch.arange(particles))
    mean = torch.logsumexp(log_weights, dim=1) - torch.log(torch.tensor(float(particles)))
    kept = (ancestors + particles * torch.arange(groups)[:, None]).flatten()
    return kept, torch.where(poor[:, None], 0.0, log_weights), log_z + torch.where(poor, mean, 0.0)


def shifted(on_step: Callable[[int, int], None] | None, start: int, steps: int) -> Callable[[int, int], None] | None:
    """Progress over all steps from the progress within a stretch that begins at `start`."""
    return None if on_step is None else lambda done, _: on_step(start + done, steps)
