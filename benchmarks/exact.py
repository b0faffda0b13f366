"""Reward calls that Value Matching takes where the answer is known: `python benchmarks/exact.py --dimension 2`.

The base is ½N(0, I) + ½N(3e₁, diag(0.4², 1, ...)). The reward is 1 where 0 ≤ x₁ ≤ 1, else 0, or −½|x + e₁|². With
L = λE[r] − KL of the controlled process, whose largest value is log Z, each arm is asked how many rewards it has paid
for when (L − λE_base[r]) / (log Z − λE_base[r]) first reaches 0.95, L being measured on fresh paths. Three arms: the
paper's algorithm, the same with as many gradient steps as ours, and ours. Each has the learning rate that is best for
it among the same ones, by a seed of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

from molvm.errors import DivergenceError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import IntervalReward, QuadraticReward
from molvm.objectives import ValueMatching, ValueMatchingOptions
from molvm.rewards.base import Outcome
from molvm.schedules import LinearSchedule
from molvm.sde import SamplingOptions, simulate
from molvm.training.trainer import Iteration, Trainer, TrainerOptions
from molvm.values.points import PointValue, PointValueConfig

GOAL = 0.95
RATES = (1e-3, 3e-3, 1e-2)
TUNING_SEED = 100
FAILURE = -1e6
"""No sample fails, but no value is worth less than a failure either."""

JUDGES = 4_000
"""Fresh paths on which L is measured."""


class Reached(Exception):  # noqa: N818 - ends a training, and is no error
    """The goal is reached."""


@dataclass(frozen=True)
class Problem:
    """A base, a reward of points (B, d), and the smallest and largest L."""

    model: GaussianMixtureModel
    reward: Callable[[Tensor], Tensor]
    strength: float
    lowest: float
    log_partition: float
    octaves: int
    steps: int

    def progress(self, gained: float) -> float:
        """Of L, from 0 for the base to 1 for p*."""
        return (gained - self.lowest) / (self.log_partition - self.lowest)


@dataclass(frozen=True)
class Arm:
    """A way to learn."""

    options: ValueMatchingOptions
    batch: int
    updates: int
    objective: type[ValueMatching] = ValueMatching
    look_ahead: int = 0


PAPER = ValueMatchingOptions(gate=False, baseline_window=0.0)
ARMS = {
    "paper": Arm(PAPER, batch=128, updates=1),
    "paper, as many gradient steps": Arm(PAPER, batch=32, updates=8),
    "molvm": Arm(ValueMatchingOptions(ito=True, average=0.9, trace=0.3), batch=32, updates=8, look_ahead=1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dimension", type=int, default=1)
    parser.add_argument("--reward", choices=["smooth", "step"], default="smooth")
    parser.add_argument("--calls", type=int, default=16_384, help="reward calls after which an arm gives up")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    torch.set_num_threads(1)
    problem = step(options.dimension) if options.reward == "step" else smooth(options.dimension)
    record = {
        "dimension": options.dimension,
        "reward": options.reward,
        "strength": problem.strength,
        "log_partition": problem.log_partition,
        "lowest": problem.lowest,
        "arms": {name: measured(problem, arm, options.calls, options.seeds) for name, arm in ARMS.items()},
    }
    text = json.dumps(record, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


def base(dimension: int) -> GaussianMixture:
    """The law of the data."""
    means, variances = torch.zeros(2, dimension), torch.ones(2, dimension)
    means[1, 0], variances[1, 0] = 3.0, 0.16
    return GaussianMixture.of([0.5, 0.5], means, variances)


def step(dimension: int) -> Problem:
    """A reward with two jumps; K = 200 because the exact control itself gets 0.955 of L with 100 steps."""
    reward, strength, first = IntervalReward(0.0, 1.0), 3.0, base(1)
    return Problem(
        model=GaussianMixtureModel((base(dimension),), LinearSchedule()),
        reward=lambda x: reward(x[:, :1]),
        strength=strength,
        lowest=strength * float(reward.probability(first)),
        log_partition=float(reward.log_partition(first, strength)),
        octaves=3,
        steps=200,
    )


def smooth(dimension: int) -> Problem:
    """A reward that pulls in all directions; λ such that KL is some nats."""
    law = base(dimension)
    centre = torch.zeros(dimension, dtype=torch.float64)
    centre[0] = -1.0
    reward = QuadraticReward((0.0,) * dimension, 1.0, tuple(centre.tolist()))
    strength = {1: 1.5, 2: 1.5, 10: 1.0}.get(dimension, 0.2)
    spread = (law.mean() - centre).square().sum() + law.covariance().trace()
    return Problem(
        model=GaussianMixtureModel((law,), LinearSchedule()),
        reward=reward,
        strength=strength,
        lowest=-strength * float(spread) / 2,
        log_partition=float(reward.log_partition(law, strength)),
        octaves=0,
        steps=50,
    )


def measured(problem: Problem, arm: Arm, calls: int, seeds: int) -> dict[str, object]:
    """Reward calls and wall time by seed, at the best learning rate."""
    tried = {rate: learn(problem, arm, rate, calls, TUNING_SEED) for rate in RATES}
    rate = min(tried, key=lambda each: (tried[each]["calls"] or math.inf, -tried[each]["best"]))
    runs = [learn(problem, arm, rate, calls, seed) for seed in range(seeds)]
    reached = [run["calls"] or math.inf for run in runs]
    return {"rate": rate, "median_calls": statistics.median(reached), "tuning": tried, "runs": runs}


def learn(problem: Problem, arm: Arm, rate: float, calls: int, seed: int) -> dict[str, float | None]:
    """Reward calls until the goal (None if it was not reached), the best progress, and seconds."""
    network = PointValue(problem.model.mixtures[0].dimension, PointValueConfig(octaves=problem.octaves), seed=seed)
    objective = arm.objective.build(network, problem.model.schedules, problem.strength, options=arm.options)
    iterations = calls // arm.batch
    options = TrainerOptions(
        iterations=iterations,
        batch_size=arm.batch,
        updates=arm.updates,
        sampling=SamplingOptions(steps=problem.steps, look_ahead=arm.look_ahead),
        learning_rate=rate,
        constant_iterations=iterations,
        seed=seed,
        checkpoint_every=iterations,
    )
    best, paid, started = -math.inf, 0, time.perf_counter()
    # Looked at ever more seldom: the ends are resolved to a tenth.
    due = 4 * arm.batch

    def look(iteration: Iteration) -> None:
        nonlocal best, paid, due
        paid = (iteration.index + 1) * arm.batch
        if paid >= due:
            due = max(paid + arm.batch, int(1.1 * paid))
            best = max(best, problem.progress(gain(problem, objective, options.sampling)))
            if best >= GOAL:
                raise Reached

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            problem.model,
            objective,
            lambda samples: scored(problem, samples),
            options,
            strength=problem.strength,
            floor=FAILURE,
            checkpoints=Path(folder),
        )
        try:
            trainer.run(on_iteration=look)
        except Reached:
            return {"calls": paid, "best": best, "seconds": time.perf_counter() - started}
        except DivergenceError as error:
            print(f"rate {rate}: {error}", flush=True)
    return {"calls": None, "best": best, "seconds": time.perf_counter() - started}


def scored(problem: Problem, samples: list[Tensor]) -> list[Outcome]:
    """The rewards of samples."""
    return [Outcome("", value) for value in problem.reward(torch.stack(samples).double()).tolist()]


def gain(problem: Problem, objective: ValueMatching, sampling: SamplingOptions) -> float:
    """L = λE[r] − KL of what the objective has learned, on paths that it does not learn from."""
    generator = torch.Generator().manual_seed(TUNING_SEED)
    noise = problem.model.noise(None, JUDGES, generator).to(dtype=torch.float32)
    grid = sampling.grid(problem.model.schedules)
    path = simulate(
        problem.model,
        noise,
        grid,
        control=objective.control,
        generator=generator,
        keep_states=False,
        look_ahead=sampling.look_ahead,
    )
    rewards = problem.reward(path.terminal.parts["x"].double())
    return float(problem.strength * rewards.mean() - path.path_cost.mean())


if __name__ == "__main__":
    main()
