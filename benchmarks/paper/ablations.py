"""The paper's tables and ablations, on the bundled bases, one command each.

    python benchmarks/paper/ablations.py dipole --out runs/paper/dipole
    python benchmarks/paper/ablations.py strengths --model digits --reward jpeg --out runs/paper/strengths

- dipole, qed: the paper's two rewards of molecules, its λ or one that can be reached in these rounds (`--strength`);
- strengths: Value Matching against Classifier Guidance in the paper's form and in the stable one, along λ;
- weightings: the weight of Eq. 50 against none;
- batches: ever fewer samples in a round, and as many rounds;
- ladder: value networks A to F, with what they are paid and what their control costs;
- overhead: what the control adds to the time of sampling, network by network.

Each trains its runs in --out, writes `rows.json`, `table.md` and `figure.svg` there, and goes on where it was stopped.
The size is that of an hour or so on two cores; `--full` is the paper's: 1 000 rounds of 128 samples, 100 steps
and one gradient step a round at a learning rate of 1e-4.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from arms import Arm, measure, report

from molvm.cli.allocator import keep_freed_memory
from molvm.runs.recipes import recipe_settings

STRENGTHS = (1.0, 3.0, 10.0, 30.0)
BATCHES = (8, 16, 32, 64)
SIZES = "ABCDEF"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=[*EXPERIMENTS, "overhead"])
    parser.add_argument("--out", type=Path, required=True, help="directory of the runs and of what is measured")
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--reward", help="dipole by default, and that of the experiment's name")
    parser.add_argument("--strength", type=float, default=6.0)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate; the paper's is 1e-4")
    parser.add_argument("--updates", type=int, default=4, help="gradient steps in a round; the paper's is 1")
    parser.add_argument("-n", type=int, default=256, help="samples of each run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--full", action="store_true", help="the paper's size")
    options = parser.parse_args()
    if options.full:
        options.iterations, options.batch, options.steps, options.n = 1000, 128, 100, 2000
        options.rate, options.updates = 1e-4, 1

    keep_freed_memory()
    if options.experiment == "overhead":
        overhead(options)
        return
    make, axis, logarithmic = EXPERIMENTS[options.experiment]
    arms = make(options)
    report(measure(arms, options.out, options.n), options.out, arms, axis, logarithmic=logarithmic)


def settings(options: argparse.Namespace, **sections: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The configuration that all arms share, and what is special to one."""
    shared: dict[str, dict[str, Any]] = {
        "model": {"name": options.model},
        "reward": {"name": options.reward or "dipole"},
        "objective": {"name": "value_matching"},
        "sampling": {"steps": options.steps},
        "training": {
            "strength": options.strength,
            "iterations": options.iterations,
            "batch_size": options.batch,
            "learning_rate": options.rate,
            "updates": options.updates,
            "seed": options.seed,
        },
    }
    return {name: {**shared.get(name, {}), **sections.get(name, {})} for name in {**shared, **sections}}


PAPER = {"gate": False, "baseline_window": 0.0}
"""Value Matching as published."""


def rewards(options: argparse.Namespace) -> list[Arm]:
    """The algorithm as published, as molvm has it, and by the recipe for few labels."""
    options.reward = options.reward or options.experiment
    recipe = recipe_settings("few-labels")
    few = {**settings(options), **recipe}
    few["training"] = {**recipe["training"], "strength": options.strength, "seed": options.seed}
    return [Arm("paper", settings(options, objective=PAPER)), Arm("molvm", settings(options)), Arm("few labels", few)]


def strengths(options: argparse.Namespace) -> list[Arm]:
    """λ sweep: Value Matching and both forms of Classifier Guidance."""
    families: dict[str, dict[str, Any]] = {
        "Value Matching": {"name": "value_matching"},
        "Classifier Guidance": {"name": "classifier_guidance", "form": "faithful"},
        "Classifier Guidance, stable": {"name": "classifier_guidance", "form": "stable"},
    }
    return [
        Arm(f"{family} {strength:g}", settings(options, objective=objective, training={"strength": strength}), strength)
        for family, objective in families.items()
        for strength in STRENGTHS
    ]


def weightings(options: argparse.Namespace) -> list[Arm]:
    """Eq. 50 or nothing, each with and without molvm's gate."""
    return [
        Arm(
            f"weighting {weighting}, {'gated' if gate else 'as published'}",
            settings(options, objective={"weighting": weighting, **({} if gate else PAPER)}),
        )
        for gate in (False, True)
        for weighting in ("paper", "none")
    ]


def batches(options: argparse.Namespace) -> list[Arm]:
    """Small batches."""
    return [Arm(f"batch {size}", settings(options, training={"batch_size": size}), size) for size in BATCHES]


def ladder(options: argparse.Namespace) -> list[Arm]:
    """Value networks A to F."""
    return [Arm(f"size {size}", settings(options, value={"size": size}), at) for at, size in enumerate(SIZES)]


Experiment = tuple[Callable[[argparse.Namespace], list[Arm]], str, bool]

EXPERIMENTS: Mapping[str, Experiment] = {
    "dipole": (rewards, "", False),
    "qed": (rewards, "", False),
    "strengths": (strengths, "λ", True),
    "weightings": (weightings, "", False),
    "batches": (batches, "samples in a round", True),
    "ladder": (ladder, "value network, A to F", False),
}


def overhead(options: argparse.Namespace) -> None:
    """Seconds of sampling with a fresh value network of each size, against the base in turn with it."""
    import torch

    from molvm.models.hub import load_model
    from molvm.runs.sampling import draw_samples
    from molvm.sde import SamplingOptions
    from molvm.values import ValueNet
    from molvm.values.ladder import build_features

    model, sampling = load_model(options.model), SamplingOptions(steps=min(options.steps, 10))

    def seconds(control: ValueNet | None) -> float:
        started = time.perf_counter()
        draw_samples(model, options.batch, control=control, seed=options.seed, sampling=sampling)
        return time.perf_counter() - started

    lines = ["| value network | parameters | time of sampling, against the base |", "|---|---|---|"]
    for size in SIZES:
        features = build_features(model, size, torch.Generator().manual_seed(0))
        control = ValueNet(features, model.schedules, 1.0, conditions=model.conditions)
        seconds(control)  # the first of its kind is slow
        ratios = [seconds(control) / seconds(None) for _ in range(5)]
        parameters = sum(parameter.numel() for parameter in features.parameters())
        lines.append(f"| {size} | {parameters / 1e6:.2f} M | {statistics.median(ratios):.2f} |")
        print(lines[-1], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "table.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
