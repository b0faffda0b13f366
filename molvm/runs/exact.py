"""Samples of p* itself, each drawn from a group of particles."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError
from molvm.models.base import FlowModel
from molvm.rewards.base import Reward
from molvm.rewards.constraint import constraints_of
from molvm.rewards.diversity import diversity_of
from molvm.runs.config import RunConfig
from molvm.runs.drawing import Draw, Drawn, Progress
from molvm.runs.scoring import evaluate_reward
from molvm.sde import Control, SamplingOptions, Steering, effective_particles, twisted_particles
from molvm.training.worth import worth

logger = logging.getLogger(__name__)

TOO_FEW = 2.0
"""Particles that count in a group, below which most samples were drawn from one."""


@dataclass(frozen=True)
class Exact:
    """How samples of p* are drawn.

    Args:
        particles: Molecules of which each sample is drawn; each costs a path and a reward. The law of the samples is p*
            in the limit of many.
        log_target: λr of molecules, in nats, shape (count,).

    Raises:
        ConfigError: There are fewer than two particles.
    """

    particles: int
    log_target: Callable[[Sequence[Molecule]], Tensor]

    def __post_init__(self) -> None:
        if self.particles < 2:
            raise ConfigError(f"The number of particles is {self.particles}.", allowed="a whole number from 2")


def require_lawful(reward: Reward) -> None:
    """Refuse a reward of which no law of single molecules is the target.

    Raises:
        ConfigError: It has bounds or a memory.
    """
    if constraints_of(reward) or diversity_of(reward) is not None:
        raise ConfigError(
            f"The reward {reward.name} has bounds or a memory, which are no property of one molecule: there is no law "
            "to draw from.",
            remedy="sampling without particles or another method, from a run that was trained for it",
        )


def log_target(reward: Reward, config: RunConfig, floor: float | None) -> Callable[[Sequence[Molecule]], Tensor]:
    """λr of molecules as a run counts it.

    Args:
        reward: The run's.
        config: Its settings.
        floor: What it has settled that a failure is worth, in the reward's unit.

    Raises:
        ConfigError: It has to see to more than the reward of single molecules, or has not settled its floor.
    """
    require_lawful(reward)
    if floor is None:
        raise ConfigError("The run has not settled what a failure is worth.", remedy="training it first")

    def log_targets(molecules: Sequence[Molecule]) -> Tensor:
        section = config.reward
        outcomes = evaluate_reward(reward, molecules, workers=section.workers, time_limit=section.time_limit)
        return config.training.strength * worth(outcomes, reward.direction, floor)

    return log_targets


def by_particles(model: FlowModel, control: Steering | None, options: SamplingOptions, exact: Exact) -> Draw:
    """Batches of samples, each drawn from a group of particles by its last weights.

    Raises:
        ConfigError: There is no control, or no noise.
    """
    if control is None:
        raise ConfigError(f"The base model {model.name} has no control that could twist particles.", remedy="a run")
    if options.noise_level == 0:
        raise ConfigError("Particles without noise never part, and have no weights.", remedy="some noise")
    grid, stepper, particles = options.grid(model.schedules), options.stepper(model), exact.particles

    def draw(condition: Tensor | None, count: int, generator: torch.Generator, on_step: Progress | None) -> Drawn:
        repeated = None if condition is None else condition.repeat_interleave(particles)
        found = twisted_particles(
            model,
            model.noise(repeated, count * particles, generator),
            particles,
            grid,
            control=cast(Control, control),
            generator=generator,
            stepper=stepper,
            on_step=on_step,
            **options.steering(model, grid),
        )
        rewards = exact.log_target(model.decode(found.terminal)).view(count, particles)
        log_weights = found.log_weights.double() + rewards.double()
        warn_of_poor_groups(log_weights)
        chosen = torch.multinomial(torch.softmax(log_weights, dim=1), 1, generator=generator).squeeze(1)
        kept = chosen + particles * torch.arange(count)
        return Drawn(found.terminal.select(kept), found.path_cost[kept], found.ito[kept])

    return draw


def warn_of_poor_groups(log_weights: Tensor) -> None:
    """Say so where most samples were drawn from one particle; log weights are of shape (G, K)."""
    effective, particles = float(effective_particles(log_weights).mean()), log_weights.shape[1]
    if effective < TOO_FEW:
        logger.warning(
            f"Of {particles} particles {effective:.1f} count in the mean: the samples are hardly better than those of "
            "the control or the base alone. More particles, a longer training or a smaller strength would help."
        )
