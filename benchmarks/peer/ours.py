"""The same by molvm: its trainer and its Value Matching."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path

import torch
from problem import (
    BATCH,
    CLIP,
    CONSTANT,
    DEVIATIONS,
    FINAL_SHARE,
    MEANS,
    STEPS,
    WEIGHTS,
    check_points,
    network,
    serve,
)
from torch import Tensor

from molvm.errors import DivergenceError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import IntervalReward
from molvm.objectives import ValueMatching, ValueMatchingOptions
from molvm.rewards.base import Outcome
from molvm.schedules import LinearSchedule
from molvm.sde import SamplingOptions, simulate
from molvm.states import TensorState
from molvm.training.trainer import Trainer, TrainerOptions

ARMS = {
    "defaults": ({}, 1),
    "memory": ({"ito": True, "replay": 10, "replay_points": 40, "average": 0.95, "chunk": STEPS}, 4),
}
"""Settings of Value Matching, and gradient steps a round on parts of the points: none dearer than the paper's one."""


def mixture(dtype: torch.dtype = torch.float32) -> GaussianMixtureModel:
    variances = [[deviation**2] for deviation in DEVIATIONS]
    law = GaussianMixture.of(WEIGHTS, [[mean] for mean in MEANS], variances, dtype)
    return GaussianMixtureModel((law,), LinearSchedule())


def gaussian(x: Tensor) -> Tensor:
    """The density of N(−2.5, 0.8²): what diffusiongym calls `1d/gaussian`."""
    density = torch.exp(-((x + 2.5) ** 2) / (2 * 0.8**2)) / (0.8 * math.sqrt(2 * math.pi))
    return density.squeeze(1)


REWARDS = {"1d/binary": IntervalReward(0.0, 1.0), "1d/gaussian": gaussian}


class Training:
    """A run of molvm's trainer that can be stopped and gone on with."""

    def __init__(self, reward: str, strength: float, iterations: int, rate: float, seed: int, arm: str) -> None:
        self.reward, (settings, updates) = REWARDS[reward], ARMS[arm]
        self.model = mixture()
        self.objective = ValueMatching.build(
            network(seed), self.model.schedules, strength, options=ValueMatchingOptions(**settings)
        )
        self.folder = tempfile.TemporaryDirectory()
        options = TrainerOptions(
            iterations=iterations,
            batch_size=BATCH,
            updates=updates,
            sampling=SamplingOptions(steps=STEPS),
            learning_rate=rate,
            final_learning_rate_share=FINAL_SHARE,
            constant_iterations=round(CONSTANT * iterations),
            clip=CLIP,
            seed=seed,
        )
        self.trainer = Trainer(
            self.model,
            self.objective,
            self.score,
            options,
            strength=strength,
            floor=0.0,
            checkpoints=Path(self.folder.name),
        )

    def score(self, points: list[Tensor]) -> list[Outcome]:
        """The rewards as the trainer wants them."""
        rewards = self.reward(torch.stack(points)).tolist()
        return [Outcome(str(index), reward) for index, reward in enumerate(rewards)]

    def learn(self, iterations: int) -> float:
        """Seconds of so many iterations, with the checkpoint that every tenth leaves and the one at the end."""
        last = self.trainer.iteration + iterations
        started = time.perf_counter()
        try:
            self.trainer.run(stop=lambda: self.trainer.iteration >= last)
        except DivergenceError as error:
            print(error)
        return time.perf_counter() - started

    def sample(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """x₁, r(x₁) and ½∫|u|²dt on the grid of the training."""
        trainer, generator = self.trainer, torch.Generator().manual_seed(self.trainer.options.seed + 1)
        path = simulate(
            self.model,
            self.model.noise(None, count, generator),
            trainer.grid,
            control=self.objective.control,
            generator=generator,
            stepper=trainer.stepper,
            keep_states=False,
        )
        points = path.terminal.parts["x"]
        return points, self.reward(points), path.path_cost


def checked(reward: str) -> dict[str, Tensor]:
    """The exact velocity and the reward at the points of the check."""
    points, t = check_points()
    endpoint = mixture(torch.float64).predict_endpoint(TensorState(points), t).x
    return {"velocity": (endpoint - points) / (1 - t[:, None]), "reward": REWARDS[reward](points)}


if __name__ == "__main__":
    serve(Training, checked)
