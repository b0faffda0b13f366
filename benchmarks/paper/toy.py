"""The paper's example in one dimension: `python benchmarks/paper/toy.py --out runs/paper/toy`.

The base is ½N(0, 1) + ½N(3, 0.4²), the reward 1 for 0 ≤ x ≤ 1 and 0 elsewhere. Written are `row.json`, with
λE[r] − KL beside its largest value log Z and the distance of the samples from p*, and `figure.svg`: paths of the base,
steered paths, and both laws against the exact ones. A minute on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from exact import ARMS, FAILURE, base, scored, step

from molvm.models.tilt import IntervalReward
from molvm.objectives import ValueMatching
from molvm.sde import SamplingOptions, Trajectory, simulate
from molvm.training.trainer import Trainer, TrainerOptions
from molvm.values.points import PointValue, PointValueConfig

SAMPLES = 20_000
SHOWN = 40
BINS = np.linspace(-4, 5, 91)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arm", choices=list(ARMS), default="molvm")
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    torch.set_num_threads(1)
    problem, arm = step(1), ARMS[options.arm]
    network = PointValue(1, PointValueConfig(octaves=problem.octaves), seed=options.seed)
    objective = ValueMatching.build(network, problem.model.schedules, problem.strength, options=arm.options)
    training = TrainerOptions(
        iterations=options.iterations,
        batch_size=arm.batch,
        updates=arm.updates,
        sampling=SamplingOptions(steps=options.steps),
        learning_rate=3e-3,
        seed=options.seed,
        checkpoint_every=options.iterations,
    )
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            problem.model,
            objective,
            lambda samples: scored(problem, samples),
            training,
            strength=problem.strength,
            floor=FAILURE,
            checkpoints=Path(folder),
        ).run()

    def paths(control: object) -> Trajectory:
        generator = torch.Generator().manual_seed(options.seed + 1)
        noise = problem.model.noise(None, SAMPLES, generator).to(dtype=torch.float32)
        grid = training.sampling.grid(problem.model.schedules)
        return simulate(problem.model, noise, grid, control=control, generator=generator)  # type: ignore[arg-type]

    plain, steered = paths(None), paths(objective.control)
    rewards = problem.reward(steered.terminal.parts["x"].double())
    exact = tilted_density(problem.strength)
    found = np.histogram(steered.terminal.parts["x"].numpy(), BINS)[0] / SAMPLES
    row = {
        "arm": options.arm,
        "reward_calls": options.iterations * arm.batch,
        "gain": float(problem.strength * rewards.mean() - steered.path_cost.mean()),
        "log_partition": problem.log_partition,
        "inside": float(rewards.mean()),
        "total_variation": float(np.abs(found - exact).sum() / 2),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "row.json").write_text(json.dumps(row, indent=1) + "\n")
    print(json.dumps(row, indent=1))
    draw(plain, steered, exact, options.out / "figure.svg")


def tilted_density(strength: float) -> np.ndarray:
    """The probability of each bin under p*; with strength 0 under the base."""
    law, centres = base(1), (BINS[1:] + BINS[:-1]) / 2
    fine = torch.as_tensor(centres[:, None] + np.linspace(-0.5, 0.5, 21)[:-1] * np.diff(BINS)[0]).reshape(-1, 1)
    weights = torch.exp(law.log_density(fine) + strength * IntervalReward(0.0, 1.0)(fine)).reshape(len(centres), -1)
    mass: np.ndarray = weights.sum(1).numpy()
    return mass / mass.sum()


def draw(plain: Trajectory, steered: Trajectory, exact: np.ndarray, path: Path) -> None:
    """Paths on the left of each panel, and laws on its right."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, 4, figsize=(11, 3.2), width_ratios=(3, 1, 3, 1), sharey=True, layout="constrained"
    )
    laws = (("base", plain, tilted_density(0.0)), ("steered", steered, exact))
    for (title, trajectory, law), lines, bars in zip(laws, axes[::2], axes[1::2], strict=True):
        shown = np.stack([state.parts["x"][:SHOWN, 0].numpy() for state in trajectory.states])
        lines.plot(trajectory.times.numpy(), shown, lw=0.5, alpha=0.6, color="C0")
        lines.axhspan(0, 1, color="C1", alpha=0.15, lw=0)
        lines.set(title=title, xlabel="t", ylim=(BINS[0], BINS[-1]))
        ends = trajectory.terminal.parts["x"][:, 0].numpy()
        bars.hist(ends, BINS, weights=np.full(len(ends), 1 / len(ends)), orientation="horizontal", alpha=0.5)
        bars.stairs(law, BINS, orientation="horizontal", color="k", label="exact")
        bars.set(xticks=[])
    axes[1].legend(frameon=False, fontsize=8)
    axes[0].set(ylabel="x")
    figure.savefig(path)


if __name__ == "__main__":
    main()
