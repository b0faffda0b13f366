"""The one loop: roll out, score, learn, report, save. It serves every model, reward and objective."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from molvm.errors import CheckpointError, ConfigError, DivergenceError
from molvm.models.base import FlowModel
from molvm.objectives.base import Objective, Rollout
from molvm.objectives.optimiser_state import load_optimiser, optimiser_tensors
from molvm.rewards.base import Direction, Outcome
from molvm.sde import SamplingOptions, simulate
from molvm.sde.trajectory import Trajectory
from molvm.training.adjustment import Adjustment
from molvm.training.checkpoint import load_checkpoint, save_checkpoint
from molvm.training.worth import worth

Scorer = Callable[[list[Any]], list[Outcome]]
"""Scores decoded samples: one outcome each, in order."""


@dataclass(frozen=True)
class TrainerOptions:
    """How the loop runs; the defaults are the paper's.

    Args:
        iterations: Rollouts.
        batch_size: Samples of a rollout.
        updates: Optimiser steps on each rollout, each on its own part of the loss, so that more cost no more; the paper
            takes one.
        sampling: How the SDE is simulated.
        warmup: Rollouts at the start that nothing steers: what is learned first is the value of the base's own samples,
            and a network that has seen few of them steers at random. The paper has none.
        learning_rate: Of AdamW.
        final_learning_rate_share: The rate falls by a cosine that would reach this share after the last iteration.
        constant_iterations: Iterations before it begins to fall.
        weight_decay: Of AdamW: the weights shrink by this share of the learning rate at each step. The paper's is 0;
            with few labels, numbers of order one keep the network from steering by noise.
        clip: Largest gradient norm.
        seed: Of conditions and noise.
        checkpoint_every: Iterations between checkpoints.

    Raises:
        ConfigError: A number out of range.
    """

    iterations: int = 1000
    batch_size: int = 128
    updates: int = 1
    warmup: int = 0
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    learning_rate: float = 1e-4
    final_learning_rate_share: float = 0.01
    constant_iterations: int = 100
    weight_decay: float = 0.0
    clip: float = 1.0
    seed: int = 0
    checkpoint_every: int = 10

    def __post_init__(self) -> None:
        for name in ("iterations", "batch_size", "updates", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a whole number from 1")
        for name in ("learning_rate", "clip"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a positive finite number")
        if self.updates > self.sampling.steps:
            raise ConfigError(
                f"There are {self.updates} updates a round, each on its own times, but {self.sampling.steps} steps.",
                allowed="at most as many updates (training.updates) as steps (sampling.steps)",
                remedy="more --steps, or a smaller training.updates; a recipe sets it too",
            )
        if not 0 <= self.final_learning_rate_share <= 1:
            raise ConfigError(
                f"final_learning_rate_share is {self.final_learning_rate_share}.", allowed="a number from 0 to 1"
            )
        for name in ("constant_iterations", "warmup"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a whole number from 0")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ConfigError(f"weight_decay is {self.weight_decay}.", allowed="a finite number from 0")

    def rate(self, iteration: int) -> float:
        """The learning rate of an iteration: constant, then half a cosine."""
        falling = max(1, self.iterations - self.constant_iterations)
        progress = min(1.0, max(0.0, (iteration - self.constant_iterations) / falling))
        share = self.final_learning_rate_share
        return self.learning_rate * (share + (1 - share) * (1 + math.cos(math.pi * progress)) / 2)


@dataclass(frozen=True, eq=False)
class Iteration:
    """What one turn of the loop did.

    Attributes:
        index: Number of the iteration, from 0.
        metrics: Everything measured, by name, all finite.
        samples: The decoded samples.
        outcomes: What the reward said of each.
        rewards: What each was worth, shape (B,), before any adjustment.
        log_weights: log dP*/dP^u + log Z of each path, shape (B,), of the rewards as adjusted.
    """

    index: int
    metrics: Mapping[str, float]
    samples: Sequence[Any]
    outcomes: Sequence[Outcome]
    rewards: Tensor
    log_weights: Tensor


class Trainer:
    """Adapts a frozen base model to a reward.

    Args:
        model: The base model.
        objective: The algorithm; it owns what is trained.
        score: Scores decoded samples.
        options: How the loop runs.
        strength: λ.
        floor: What a failure counts as, in the reward's unit.
        checkpoints: Folder of the run's checkpoints.
        direction: Which way the reward is better.
        adjustments: What the run makes of the rewards before the objective sees them, one after the other.
    """

    def __init__(
        self,
        model: FlowModel,
        objective: Objective,
        score: Scorer,
        options: TrainerOptions,
        *,
        strength: float,
        floor: float,
        checkpoints: Path,
        direction: Direction = "maximise",
        adjustments: Sequence[Adjustment] = (),
    ) -> None:
        self.model, self.objective, self.score, self.options = model, objective, score, options
        self.strength, self.floor, self.direction = strength, floor, direction
        self.checkpoints = checkpoints
        self.adjustments = tuple(adjustments)
        _require_noise(objective, options.sampling.noise_level)
        self.iteration = 0
        self.grid = options.sampling.grid(model.schedules)
        self.stepper = options.sampling.stepper(model)
        self.steering = options.sampling.steering(model, self.grid)
        self.optimiser = torch.optim.AdamW(
            objective.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
        )
        self.generator = torch.Generator().manual_seed(options.seed)
        # The generator as it was after the last finished iteration, which is what a checkpoint must hold.
        self._generator_state = self.generator.get_state()

    def run(
        self,
        on_iteration: Callable[[Iteration], None] | None = None,
        on_step: Callable[[int, int], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Trains to the last iteration, with a checkpoint every `checkpoint_every` iterations and at the end.

        Args:
            on_iteration: Called after each iteration, before its checkpoint: records never lag behind checkpoints.
            on_step: Called within a rollout with (steps done, K). It may raise to abandon the rollout; `save` then
                still publishes the last finished iteration.
            stop: Asked after each iteration; true ends the run early, with a checkpoint.

        Raises:
            DivergenceError: Samples or gradients are not finite.
        """
        while self.iteration < self.options.iterations:
            report = self._iterate(on_step)
            if on_iteration is not None:
                on_iteration(report)
            stopping = stop is not None and stop()
            due = self.iteration % self.options.checkpoint_every == 0 or self.iteration == self.options.iterations
            if stopping or due:
                self.save()
            if stopping:
                return

    def save(self) -> Path:
        """Publishes a checkpoint of the last finished iteration."""
        tensors = {f"objective.{name}": value for name, value in self.objective.state_dict().items()}
        tensors |= {f"optimiser.{name}": value for name, value in optimiser_tensors(self.optimiser).items()}
        for adjustment in self.adjustments:
            tensors |= {f"{adjustment.name}.{name}": value for name, value in adjustment.state_dict().items()}
        tensors["generator"] = self._generator_state
        metadata = {
            "kind": "training",
            "objective": self.objective.name,
            "strength": self.strength,
            "options": asdict(self.options),
        }
        return save_checkpoint(self.checkpoints, self.iteration, tensors, metadata)

    def resume(self) -> None:
        """Goes on from the newest whole checkpoint, bit for bit as if nothing had happened.

        Raises:
            CheckpointError: There is none, or it belongs to another objective.
        """
        checkpoint = load_checkpoint(self.checkpoints)
        saved = checkpoint.metadata.get("objective")
        if saved != self.objective.name:
            raise CheckpointError(f"The checkpoint {checkpoint.path} is of the objective {saved!r}.")
        if checkpoint.metadata.get("strength") != self.strength:
            raise CheckpointError(
                f"The checkpoint {checkpoint.path} was trained with λ = {checkpoint.metadata.get('strength')}, "
                f"and not with {self.strength}.",
                remedy="the strength it was trained with, or a new run",
            )
        self.objective.load_state_dict(checkpoint.part("objective"))
        load_optimiser(self.optimiser, checkpoint.part("optimiser"))
        for adjustment in self.adjustments:
            adjustment.load_state_dict(checkpoint.part(adjustment.name))
        self.generator.set_state(checkpoint.tensors["generator"])
        self._generator_state = self.generator.get_state()
        self.iteration = checkpoint.step

    def _iterate(self, on_step: Callable[[int, int], None] | None) -> Iteration:
        started = time.perf_counter()
        trajectory = self._roll_out(on_step)
        samples = self.model.decode(trajectory.terminal)
        rolled_out = time.perf_counter()
        outcomes = self.score(samples)
        rewards = worth(outcomes, self.direction, self.floor)
        adjusted, adjustments = self._adjust(samples, outcomes, rewards)
        scored = time.perf_counter()
        rollout = Rollout(trajectory, adjusted, self.strength)
        learned = self._learn(rollout)
        metrics = {
            **learned,
            **adjustments,
            **_reward_metrics(rewards, outcomes, self.direction),
            "learning_rate": self.options.rate(self.iteration),
            "seconds_rollout": rolled_out - started,
            "seconds_reward": scored - rolled_out,
            "seconds_learn": time.perf_counter() - scored,
        }
        report = Iteration(self.iteration, metrics, samples, outcomes, rewards, rollout.log_weights)
        self.iteration += 1
        self._generator_state = self.generator.get_state()
        return report

    def _roll_out(self, on_step: Callable[[int, int], None] | None) -> Trajectory:
        count = self.options.batch_size
        condition = self.model.sample_condition(count, self.generator)
        return simulate(
            self.model,
            self.model.noise(condition, count, self.generator),
            self.grid,
            control=None if self.iteration < self.options.warmup else self.objective.behaviour,
            generator=self.generator,
            stepper=self.stepper,
            keep_noise=self.objective.keeps_noise,
            keep_endpoints=self.objective.keeps_endpoints,
            keep_increments=self.objective.keeps_increments,
            on_step=on_step,
            **self.steering,
        )

    def _adjust(
        self, samples: Sequence[Any], outcomes: Sequence[Outcome], rewards: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        metrics: dict[str, float] = {}
        for adjustment in self.adjustments:
            rewards, found = adjustment(samples, outcomes, rewards)
            metrics |= found
        return rewards, metrics

    def _learn(self, rollout: Rollout) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = self.options.rate(self.iteration)
        metrics = dict(self.objective.observe(rollout))
        steps = [self._update(rollout, part) for part in range(self.options.updates)]
        return metrics | {name: sum(step[name] for step in steps) / len(steps) for name in steps[0]}

    def _update(self, rollout: Rollout, part: int) -> dict[str, float]:
        self.optimiser.zero_grad(set_to_none=True)
        metrics = dict(self.objective.backward(rollout, part, self.options.updates))
        norm = float(clip_grad_norm_(self.objective.parameters(), self.options.clip))
        if not math.isfinite(norm):
            raise DivergenceError(
                f"The gradient is not finite in iteration {self.iteration}.",
                remedy="a smaller strength or learning rate, or more steps",
            )
        self.optimiser.step()
        self.objective.after_step()
        return {**metrics, "gradient_norm": norm}


def _require_noise(objective: Objective, noise_level: float) -> None:
    """Refuse another noise than what the objective learns is defined by: the memoryless SDE, or that of its own."""
    needed = float(getattr(objective, "noise_level", 1.0))
    if noise_level != needed:
        raise ConfigError(
            f"The noise level of the training is {noise_level}; the objective {objective.name} learns from paths of "
            + ("the memoryless SDE." if needed == 1 else f"the noise level {needed:g}."),
            allowed=f"{needed:g}",
            remedy="another noise level for samples of the trained run",
        )


def _reward_metrics(rewards: Tensor, outcomes: Sequence[Outcome], direction: Direction) -> dict[str, float]:
    """Mean reward over all samples and over those that have one, as it is measured; shares of failures."""
    values = [outcome.value for outcome in outcomes if outcome.value is not None]
    sign = 1.0 if direction == "maximise" else -1.0
    metrics = {"reward": sign * float(rewards.mean()), "failures": 1 - len(values) / len(outcomes)}
    stages = Counter(outcome.failure.stage for outcome in outcomes if outcome.failure is not None)
    metrics |= {f"failures.{stage}": count / len(outcomes) for stage, count in sorted(stages.items())}
    if values:
        metrics["reward_valid"] = sum(values) / len(values)
    return metrics
