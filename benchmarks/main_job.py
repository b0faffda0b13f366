"""What a run changed: the adapted model against its base, on fresh samples of both.

    molvm train --dataset qm9 --reward dipole --recipe few-labels --strength 6 --out runs/dipole
    python benchmarks/main_job.py runs/dipole -n 500 --out benchmarks/results/dipole.json --figure docs/dipole.svg

The reward is given over all samples, failures at the run's floor or at --failed, and over the valid connected ones
alone, so that a change in validity can be told from a change in the property. Novelty, diversity, sizes, elements,
accessibility and strain stand beside it, so that a reward got by odd molecules shows.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from rdkit import Chem

from molvm.cli.allocator import keep_freed_memory
from molvm.datasets.registry import load_dataset
from molvm.evaluation.intervals import mean_interval, wilson
from molvm.evaluation.metrics import summarise
from molvm.evaluation.novelty import known_smiles
from molvm.evaluation.reference import load_reference
from molvm.models.base import FlowModel
from molvm.runs.assembly import sampling_options
from molvm.runs.run import Run
from molvm.runs.samples import SampleSet
from molvm.runs.sampling import draw_samples
from molvm.sde import Guided
from molvm.sde.doubt import FLAWS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("-n", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1_000_003, help="unlike the seed of training")
    parser.add_argument("--candidates", type=int, help="of which the value network chooses; as in the run by default")
    parser.add_argument("--steps", type=int, help="of base and run; the run's by default")
    parser.add_argument("--guidance", type=float, default=1.0, help="what the control is multiplied by")
    parser.add_argument("--choose-every", type=int, help="steps from one choice to the next")
    parser.add_argument("--steer", type=float, nargs=2, metavar=("FROM", "UNTIL"), help="times in which it chooses")
    parser.add_argument("--avoid", choices=list(FLAWS), help="what it hardly ever chooses; as in the run by default")
    parser.add_argument("--failed", type=float, help="worth of a failure in means over all; the run's floor by default")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    run = Run.open(options.run)
    failed = run.manifest.floor if options.failed is None else options.failed
    if failed is None:
        parser.error("the run has not begun")
    asked = {name: getattr(options, name) for name in ("steps", "candidates", "choose_every", "avoid")}
    if options.steer is not None:
        asked |= {"steer_from": options.steer[0], "steer_until": options.steer[1]}
    sampling = replace(
        sampling_options(run.config), **{name: value for name, value in asked.items() if value is not None}
    )
    control = Guided(run.objective().control, options.guidance)
    drawn = [
        draw_samples(run.model, options.n, control=each, seed=options.seed, sampling=sampling)
        for each in (None, control)
    ]
    base, adapted = [samples.score(run.reward) for samples in drawn]
    examined = [_examined(samples, run.model) for samples in (base, adapted)]
    record = {
        "run": run.path.name,
        "model": run.manifest.model,
        "reward": run.reward.name,
        "strength": run.config.training.strength,
        "iterations": len(run.metrics()),
        "head_start": run.manifest.head_start,
        "reward_calls": len(run.metrics()) * run.config.training.batch_size
        + run.config.head_start.molecules
        + run.config.head_start.samples,
        "sampling": asdict(sampling),
        "guidance": options.guidance,
        "failed": failed,
        "n": options.n,
        "seed": options.seed,
        "base": _measured(base, failed) | examined[0],
        "adapted": _measured(adapted, failed) | examined[1],
    }
    text = json.dumps(record, indent=1)
    print(text)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")
    if options.figure is not None:
        _draw(run, base, adapted, options.figure)


def _measured(samples: SampleSet, failed: float) -> dict[str, Any]:
    values = [outcome.value for outcome in samples.outcomes]
    scored = [value for value in values if value is not None]
    failures: dict[str, int] = {}
    for outcome in samples.outcomes:
        if outcome.failure is not None:
            key = f"{outcome.failure.kind}: {outcome.failure.stage}"
            failures[key] = failures.get(key, 0) + 1
    return {
        "reward_all": asdict(mean_interval([failed if value is None else value for value in values])),
        "reward_valid": asdict(mean_interval(scored)),
        "deviation_valid": float(np.std(scored, ddof=1)),
        "scored": asdict(wilson(len(scored), len(values))),
        "kl": asdict(mean_interval(samples.path_cost)) if samples.path_cost.any() else None,
        "failures": dict(sorted(failures.items(), key=lambda item: -item[1])),
    }


def _examined(samples: SampleSet, model: FlowModel) -> dict[str, Any]:
    """Everything else that is known of the molecules, against those that the base was trained on."""
    name = str(getattr(model, "card", {}).get("dataset", "qm9"))
    known = known_smiles(load_dataset(name))
    summary = summarise(samples.molecules, reference=load_reference(name), known=known, energies=False, strain=True)
    atoms = Counter(element for molecule in samples.molecules for element in molecule.elements.tolist())
    return {
        **{key: summary.to_json()[key] for key in ("shares", "means", "distances")},
        "elements": {
            Chem.GetPeriodicTable().GetElementSymbol(each): n / atoms.total() for each, n in sorted(atoms.items())
        },
    }


def _values(samples: SampleSet) -> list[float]:
    return [outcome.value for outcome in samples.outcomes if outcome.value is not None]


def _draw(run: Run, base: SampleSet, adapted: SampleSet, path: Path) -> None:
    """Curves of training beside the two distributions of the reward."""
    from matplotlib import pyplot

    metrics = run.metrics()
    unit = f" / {run.reward.unit}" if run.reward.unit else ""
    figure, (curve, cost, histogram) = pyplot.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    index = np.arange(len(metrics))
    for key, label in (("reward", "all samples, failures at the floor"), ("reward_valid", "valid samples")):
        series = np.array([entry.get(key, np.nan) for entry in metrics])
        curve.plot(index, series, lw=0.6, alpha=0.35)
        width = min(10, len(series))
        smooth = np.convolve(np.nan_to_num(series), np.ones(width) / width, mode="valid")
        curve.plot(index[width - 1 :], smooth, color=curve.lines[-1].get_color(), label=label)
    curve.axhline(np.mean(_values(base)), ls=":", color=curve.lines[-1].get_color(), label="valid samples of the base")
    curve.set(xlabel="iteration", ylabel=f"mean {run.reward.name}{unit}")
    curve.legend(frameon=False, fontsize=8)
    cost.plot(index, [entry["kl"] for entry in metrics], label="KL cost, nats")
    cost.plot(index, [10 * entry["failures"] for entry in metrics], label="failures of ten")
    cost.set(xlabel="iteration")
    cost.legend(frameon=False, fontsize=8)
    values = {label: _values(samples) for label, samples in (("base", base), ("adapted", adapted))}
    bins = np.histogram_bin_edges(np.concatenate(list(values.values())), 30)
    for label, found in values.items():
        histogram.hist(found, bins=bins, density=True, alpha=0.5, label=f"{label}, n = {len(found)}")
    histogram.set(xlabel=f"{run.reward.name}{unit}, valid samples")
    histogram.legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
