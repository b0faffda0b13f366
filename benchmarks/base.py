"""How good a base model's molecules are: `python benchmarks/base.py --model qm9 -n 1000`.

Prints every share with its interval and writes them as JSON. The molecules are drawn as `molvm sample` draws them,
by the memoryless SDE or by the ODE, and held against the dataset of the model's card: its valencies, its distributions
and, where it is built, its training molecules.
"""

from __future__ import annotations

import argparse
import json
import os
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from drawing import draw
from torch import Tensor

from molvm.chem.io import write_sdf
from molvm.cli.allocator import keep_freed_memory
from molvm.datasets.registry import is_built, load_dataset
from molvm.evaluation.metrics import summarise
from molvm.evaluation.novelty import known_smiles
from molvm.evaluation.reference import load_reference
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.hub import load_model
from molvm.sde import SamplingOptions, Stepper, euler_maruyama, start_time, uniform_grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="qm9")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--noise-level", type=float, default=1.0, help="1 is the memoryless SDE, 0 the ODE")
    parser.add_argument("--transition", choices=["euler_maruyama", "analytic_variance"], default="euler_maruyama")
    parser.add_argument("--grid", choices=["default", "uniform"], default="default")
    parser.add_argument("--textbook", action="store_true", help="rates at the left end instead of exact increments")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--sdf", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    model = load_model(options.model)
    assert isinstance(model, FlowMolModel)
    grid, stepper = process(model, options)
    molecules, seconds = draw(model, options.n, grid, stepper, seed=options.seed, batch=options.batch)
    dataset = model.card["dataset"]
    known = known_smiles(load_dataset(dataset), "train") if is_built(dataset) else None
    summary = summarise(molecules, table=dataset, reference=load_reference(dataset), known=known)
    record = {
        "model": options.model,
        "n": options.n,
        "steps": options.steps,
        "noise_level": options.noise_level,
        "transition": options.transition,
        "grid": options.grid,
        "textbook": options.textbook,
        "seed": options.seed,
        "seconds": seconds,
        "summary": summary.to_json(),
    }
    text = json.dumps(record, indent=1)
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")
    if options.sdf:
        write_sdf(options.sdf, molecules)


def process(model: FlowMolModel, options: argparse.Namespace) -> tuple[Tensor, Stepper]:
    """The grid and the kind of step that are asked for."""
    sampling = SamplingOptions(steps=options.steps, transition=options.transition)
    if options.transition == "analytic_variance":
        return sampling.grid(model.schedules), sampling.stepper(model)
    stepper = partial(euler_maruyama, noise_level=options.noise_level, exact_increments=not options.textbook)
    if options.grid == "uniform":
        return uniform_grid(options.steps, start_time(model.schedules)), stepper
    return sampling.grid(model.schedules), stepper


if __name__ == "__main__":
    main()
