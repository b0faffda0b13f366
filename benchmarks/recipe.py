"""What makes a base better per hour: short pretrainings from nothing, each with one change and the same minutes.

    OMP_NUM_THREADS=1 python benchmarks/recipe.py --minutes 15 --variants baseline aligned wide --out recipe.json

Each is judged by its averaged weights: the validation loss, on the same molecules, noise and times for all that share
the schedules, and molecules drawn by the memoryless SDE. Minutes are of the processor, so that a busy machine does not
favour anyone.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
from drawing import draw

from molvm.cli.allocator import keep_freed_memory
from molvm.datasets.registry import load_dataset
from molvm.datasets.store import MoleculeDataset
from molvm.evaluation.metrics import summarise
from molvm.models.flowmol.batches import clean_state, one_size_batches
from molvm.models.flowmol.matching import interpolate, matching_loss, time_weights
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork, to_endpoint
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.precision import resolve_precision
from molvm.runs.calibration import measure
from molvm.runs.pretraining import default_network
from molvm.sde import analytic_variance, uniform_grid
from molvm.training.pretrain import Pretrainer, PretrainOptions

VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "baseline": ({}, {}),
    "aligned": ({}, {"coupling": "aligned"}),
    "one pass": ({"self_conditioning": False}, {}),
    "wide": ({"hidden_scalars": 384}, {}),
    "narrow": ({"hidden_scalars": 128}, {}),
    "narrow pairs": ({"hidden_edges": 32}, {}),
    "wide pairs": ({"hidden_edges": 128}, {}),
    "shallow": ({"molecule_updates": 4}, {}),
    "deep": ({"molecule_updates": 9}, {}),
    "three perceptrons an atom": ({"update_gvps": 3}, {}),
    "two perceptrons a message": ({"message_gvps": 2}, {}),
    "later bonds": ({"schedule_exponents": (1.0, 2.0, 2.0, 2.0)}, {}),
    "half the rate": ({}, {"learning_rate": 5e-4}),
    "twice the rate": ({}, {"learning_rate": 2e-3}),
    "half the batch": ({}, {"batch_size": 32}),
    "late times": ({}, {"largest_time_weight": 10.0}),
    "slow average": ({}, {"ema_decay": 0.9995}),
}
"""Changes of the network's shape and of the options, by name."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="qm9")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--steps", type=int, default=1500, help="that the learning rate is scheduled for")
    parser.add_argument("-n", type=int, default=256, help="molecules to draw")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    dataset, rows = load_dataset(options.dataset), []
    for name in options.variants:
        rows.append({"variant": name, **result(dataset, name, options.minutes, options.steps, options.n)})
        print(json.dumps(rows[-1]), flush=True)
        if options.out:
            options.out.write_text(json.dumps(rows, indent=1) + "\n")


def result(dataset: MoleculeDataset, variant: str, minutes: float, steps: int, count: int) -> dict[str, Any]:
    """Trains a variant for so many minutes and judges it."""
    shape, changes = VARIANTS[variant]
    config = replace(default_network(dataset), **shape)
    with tempfile.TemporaryDirectory() as folder:
        settings = PretrainOptions(**{"steps": steps, "warmup_steps": 100, "checkpoint_every": 10**9, **changes})
        trainer = Pretrainer(dataset, config, settings, Path(folder))
        until = time.process_time() + 60 * minutes
        trainer.run(stop=lambda: time.process_time() >= until)
    network = FlowMolNetwork(config)
    network.load_state_dict(trainer.average)
    sizes, counts = dataset.size_histogram("train")
    histogram = SizeHistogram(tuple(int(size) for size in sizes), tuple(int(each) for each in counts))
    model = FlowMolModel(network, histogram, variant, precision=resolve_precision("auto"))
    stepper = analytic_variance(measure(model, 64))
    molecules, _ = draw(model, count, uniform_grid(50, 0.0), stepper, seed=0)
    shares = summarise(molecules, table=str(dataset.manifest["name"]), energies=False).to_json()["shares"]
    return {
        "steps": trainer.step,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "validation": validation_loss(model, dataset),
        **{name: shares[name]["value"] for name in ("atoms_stable", "connected", "strictly_valid_and_connected")},
    }


@torch.no_grad()
def validation_loss(model: FlowMolModel, dataset: MoleculeDataset, batches: int = 32) -> dict[str, float]:
    """The matching loss of two passes, by modality and in all, with independent noise."""
    generator, total = torch.Generator().manual_seed(0), dict[str, float]()
    epoch = one_size_batches(dataset, "validation", 32, np.random.default_rng(0))
    for _, batch in zip(range(batches), epoch, strict=False):
        data = clean_state(batch, model.config)
        t = 0.005 + 0.99 * torch.rand(len(data), generator=generator)
        x = interpolate(model.schedules, data.randn_like(generator), data, t)
        with torch.autocast("cpu", torch.bfloat16, enabled=model.precision == "bfloat16"):
            logits = model.network(x, t)
            if model.config.self_conditioning:
                logits = model.network(x, t, to_endpoint(logits))
        loss = matching_loss(logits, data, time_weights(model.schedules, t))
        for name, value in {**loss.by_modality, "total": loss.total}.items():
            total[name] = total.get(name, 0.0) + float(value) / batches
    return total


if __name__ == "__main__":
    main()
