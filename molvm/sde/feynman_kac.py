"""Feynman–Kac steering: particles of the base that are copied and dropped by what the base expects of them.

At looks k = 1, …, L on the way, the last at t = 1, each particle is weighted by a potential G_k of the rewards
r_j = r(x̂₁(x_j, t_j)) that it has promised so far. Whatever the kind, the potentials of a path multiply to exp(λr(x₁)),
so that a particle drawn by its last weight obeys p* ∝ p exp(λr) in the limit of many (Singhal, Horvitz, Teehan, Ren,
Yu, McKeown, Ranganath, "A general framework for inference-time scaling and steering of diffusion models", 2025).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.models.base import FlowModel
from molvm.sde.particles import Particles, resampled, shifted
from molvm.sde.simulate import simulate
from molvm.sde.soft_value import SoftValue
from molvm.sde.transition import Stepper
from molvm.states import State

PotentialKind = Literal["difference", "max", "sum", "reward"]


@dataclass(frozen=True)
class FeynmanKacOptions:
    """How Feynman–Kac steering is run.

    Args:
        particles: K, of which one sample is drawn; the paper takes 4.
        potential: "difference" exp(λ(r_k − r_{k−1})), "max" exp(λ max_{j ≤ k} r_j), "sum" exp(λ Σ_{j ≤ k} r_j), or
            "reward" exp(λ r_k).
        looks: How often particles are weighted, each time for a reward a particle, evenly and at the end; the
            published program does it at steps 5, 10, ..., 30 of 100 and at the end. 1 weights them at the end alone.

    Raises:
        ConfigError: A number out of range, or an unknown potential.
    """

    particles: int = 4
    potential: PotentialKind = "difference"
    looks: int = 7

    def __post_init__(self) -> None:
        if self.particles < 2:
            raise ConfigError(f"The number of particles is {self.particles}.", allowed="a whole number from 2")
        if self.looks < 1:
            raise ConfigError(f"The number of looks is {self.looks}.", allowed="a whole number from 1")
        if self.potential not in get_args(PotentialKind):
            raise ConfigError(f"potential is {self.potential!r}.", allowed=", ".join(get_args(PotentialKind)))


def log_potential(kind: PotentialKind, rewards: Tensor, *, last: bool) -> Tensor:
    """Log G_k of particles, shape (B,).

    Args:
        kind: Which.
        rewards: λr_j of all looks so far, shape (B, k), k from 1.
        last: Whether k is the last look: its potential is what is missing to exp(λr(x₁)).
    """
    looks = range(1, rewards.shape[1])
    if last:
        return rewards[:, -1] - sum(_on_the_way(kind, rewards[:, :j]) for j in looks)
    return _on_the_way(kind, rewards)


def _on_the_way(kind: PotentialKind, rewards: Tensor) -> Tensor:
    if kind == "max":
        return rewards.amax(dim=1)
    if kind == "sum":
        return rewards.sum(dim=1)
    if kind == "reward" or rewards.shape[1] == 1:
        return rewards[:, -1]
    return rewards[:, -1] - rewards[:, -2]


def feynman_kac_particles(
    model: FlowModel,
    x0: State,
    grid: Tensor,
    value: SoftValue,
    options: FeynmanKacOptions,
    *,
    generator: torch.Generator | None,
    stepper: Stepper,
    on_step: Callable[[int, int], None] | None = None,
) -> Particles:
    """Simulate groups of particles from noise to data; their last weights hold the reward.

    Groups are resampled only where fewer than half of their particles count, and otherwise keep their weights.

    Args:
        model: The base model.
        x0: G·K samples of noise, those of a group one after the other and of one condition.
        grid: Times, shape (S+1,).
        value: λr of what the base expects of states.
        options: How.
        generator: Source of all randomness.
        stepper: How a step is made; with noise in every modality.
        on_step: Called with (steps done, S).

    Raises:
        DivergenceError: A state is no longer finite.
    """
    steps, x = len(grid) - 1, x0
    groups = len(x0) // options.particles
    log_weights = torch.zeros(groups, options.particles, dtype=torch.float64)
    log_z, promised = torch.zeros(groups, dtype=torch.float64), torch.zeros(len(x0), 0, dtype=torch.float64)
    bounds = sorted({round(steps * look / options.looks) for look in range(options.looks + 1)})
    for start, end in pairwise(bounds):
        stretch, seen = grid[start : end + 1], shifted(on_step, start, steps)
        path = simulate(model, x, stretch, generator=generator, stepper=stepper, keep_states=False, on_step=seen)
        x = path.terminal
        promised = torch.cat([promised, value(x, grid[end]).to(promised)[:, None]], dim=1)
        log_weights = log_weights + log_potential(options.potential, promised, last=end == steps).view_as(log_weights)
        if end < steps:
            kept, log_weights, log_z = resampled(log_weights, log_z, generator)
            x, promised = x.select(kept), promised[kept]
    nothing = torch.zeros(len(x0))
    return Particles(x, nothing, nothing, log_weights, log_z)
