"""Problems with a closed form, and what it takes to train on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from molvm.gradients import PointReward
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.objectives import AnyResidualObjective
from molvm.schedules import LinearSchedule
from molvm.sde import SamplingOptions, Trajectory, simulate
from molvm.sde.transition import Stepper
from molvm.training.trainer import Trainer, TrainerOptions
from molvm.values.control import ControlNet
from molvm.values.ladder import build_control_features

GAUSSIAN = GaussianMixtureModel((GaussianMixture.of([1.0], [[0.5]], [[0.49]]),), LinearSchedule())
MIXTURE = GaussianMixtureModel((GaussianMixture.of([0.5, 0.5], [[-1.5], [1.5]], [[0.25], [0.25]]),), LinearSchedule())


def fresh_control(model: GaussianMixtureModel, strength: float, seed: int = 0) -> ControlNet:
    return ControlNet(
        build_control_features(model, "A", torch.Generator().manual_seed(seed)), model.schedules, strength
    )


def trainer(
    objective: AnyResidualObjective,
    reward: PointReward,
    path: Path,
    iterations: int,
    steps: int,
    rate: float = 1e-2,
    updates: int = 1,
    model: GaussianMixtureModel = GAUSSIAN,
    batch: int = 64,
    checkpoint_every: int = 10**6,
) -> Trainer:
    options = TrainerOptions(
        iterations,
        batch,
        updates=updates,
        sampling=SamplingOptions(steps=steps, noise_level=objective.noise_level),
        learning_rate=rate,
        constant_iterations=iterations // 3,
        checkpoint_every=checkpoint_every,
    )
    strength = objective.control.strength
    return Trainer(model, objective, reward, options, strength=strength, floor=0.0, checkpoints=path)


def ends(
    trained: Trainer, count: int = 4000, steps: int | None = None, stepper: Stepper | None = None
) -> tuple[Tensor, Tensor]:
    """Samples of the control and of the base, one coordinate, made of the same noise."""
    model, found, options = trained.model, [], trained.options.sampling
    options = options if steps is None else replace(options, steps=steps)
    for control in (trained.objective.control, None):
        generator = torch.Generator().manual_seed(7)
        noise = model.noise(None, count, generator)
        path = simulate(
            model,
            noise,
            options.grid(model.schedules),
            control=control,
            generator=generator,
            stepper=stepper or options.stepper(model),
            keep_states=False,
        )
        found.append(path.terminal.parts["x"].squeeze(1))
    return found[0], found[1]


def steered_path(model: GaussianMixtureModel, control: object, steps: int, count: int) -> Trajectory:
    options, generator = SamplingOptions(steps=steps), torch.Generator().manual_seed(3)
    noise = model.noise(None, count, generator)
    return simulate(model, noise, options.grid(model.schedules), control=control, generator=generator, keep_noise=True)  # type: ignore[arg-type]
