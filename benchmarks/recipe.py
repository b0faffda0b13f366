"""What makes a base better per hour: short pretrainings from nothing, each with one change and the same minutes.

    OMP_NUM_THREADS=1 python benchmarks/recipe.py --minutes 15 --variants baseline aligned wide --out recipe.json

Each is judged by its averaged weights: by the divergence of its path from the data's, on the same validation molecules
and noise for all, and by molecules drawn by the memoryless SDE. Minutes are of the processor, so that a busy machine
favours nobody; the learning rate falls within them. With `--from qm9` every variant starts from those weights, which
asks what helps late.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
from drawing import draw
from torch import Tensor

from molvm.cli.allocator import keep_freed_memory
from molvm.datasets.registry import load_dataset
from molvm.datasets.store import MoleculeDataset
from molvm.evaluation.metrics import summarise
from molvm.models.flowmol.batches import clean_state, one_size_batches
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.hub import load_model
from molvm.models.precision import resolve_precision
from molvm.runs.calibration import measure
from molvm.runs.pretraining import default_network
from molvm.schedules import interpolate
from molvm.sde import analytic_variance, uniform_grid
from molvm.states.molecule import MODALITIES
from molvm.training.pretrain import Pretrainer
from molvm.training.pretrain_options import PretrainOptions

LEARNING_RATE = PretrainOptions().learning_rate

TIMED_STEPS = 20
"""After which it is known how many there is time for."""

TIMES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
"""Between which the divergence is reported."""

VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "baseline": ({}, {}),
    "adamw": ({}, {"optimiser": "adamw", "learning_rate": 1e-3}),
    "flowmol's weights": ({}, {"objective": "flowmol"}),
    "uniform times": ({}, {"time_logits": None}),
    "as in FlowMol": (
        {},
        {"optimiser": "adamw", "learning_rate": 1e-3, "objective": "flowmol", "time_logits": None},
    ),
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
    "half the rate": ({}, {"learning_rate": LEARNING_RATE / 2}),
    "twice the rate": ({}, {"learning_rate": LEARNING_RATE * 2}),
    "half the batch": ({}, {"batch_size": 32}),
    "slow average": ({}, {"ema_decay": 0.9995}),
}
"""Changes of the network's shape and of the options, by name."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="qm9")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--from", dest="start", help="a base to start from")
    parser.add_argument("-n", type=int, default=256, help="molecules to draw")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    dataset, rows = load_dataset(options.dataset), []
    for name in options.variants:
        rows.append({"variant": name, **result(dataset, name, options)})
        print(json.dumps(rows[-1]), flush=True)
        if options.out:
            options.out.write_text(json.dumps(rows, indent=1) + "\n")


def result(dataset: MoleculeDataset, variant: str, options: argparse.Namespace) -> dict[str, Any]:
    """Trains a variant for so many minutes and judges it."""
    shape, changes = VARIANTS[variant]
    base = load_model(options.start) if options.start else None
    config = replace(base.config if isinstance(base, FlowMolModel) else default_network(dataset), **shape)
    settings = PretrainOptions(**{"warmup_steps": 100, "checkpoint_every": 10**9, **changes})
    with tempfile.TemporaryDirectory() as folder:
        trainer = Pretrainer(dataset, config, settings, Path(folder))
        if isinstance(base, FlowMolModel):
            trainer.start_from(base.network.state_dict())
        # The rate falls to its end within the minutes, however long a step of this variant takes.
        trainer.run(stop=lambda: trainer.step >= TIMED_STEPS)
        steps = 60 * options.minutes * TIMED_STEPS / trainer.core_seconds
        trainer.options = replace(settings, steps=max(TIMED_STEPS + 1, round(steps)))
        trainer.run()
    network = FlowMolNetwork(config)
    network.load_state_dict(trainer.average)
    sizes, counts = dataset.size_histogram("train")
    histogram = SizeHistogram(tuple(int(size) for size in sizes), tuple(int(each) for each in counts))
    model = FlowMolModel(network, histogram, variant, precision=resolve_precision("auto"))
    stepper = analytic_variance(measure(model, 64))
    molecules, _ = draw(model, options.n, uniform_grid(40, 0.0), stepper, seed=0, batch=32)
    shares = summarise(molecules, table=str(dataset.manifest["name"]), energies=False).to_json()["shares"]
    return {
        "steps": trainer.step,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "core_minutes": trainer.core_seconds / 60,
        "path_divergence": path_divergence(model, dataset),
        **{name: shares[name]["value"] for name in ("atoms_stable", "connected", "strictly_valid_and_connected")},
    }


@torch.no_grad()
def path_divergence(
    model: FlowMolModel, dataset: MoleculeDataset, batches: int = 40, batch_size: int = 24
) -> dict[str, list[float]]:
    """∫ ½ (d SNR/dt) E|x̂₁ − x₁|² dt of each modality between `TIMES`, nats a molecule.

    By Girsanov this is the divergence of the model's memoryless process from the data's, plus what no model can
    know, which is the same for all.
    """
    generator, seen = torch.Generator().manual_seed(0), 0
    total: dict[str, list[float]] = {name: [0.0] * (len(TIMES) - 1) for name in MODALITIES}
    epoch = one_size_batches(dataset, "validation", batch_size, np.random.default_rng(0))
    for _, batch in zip(range(batches), epoch, strict=False):
        data = clean_state(batch, model.config)
        noise, seen = data.randn_like(generator), seen + len(data)
        for interval, (start, end) in enumerate(pairwise(TIMES)):
            t = start + (end - start) * torch.rand(len(data), generator=generator)
            error = model.predict_endpoint(interpolate(model.schedules, noise, data, t), t) - data
            for name, squared in error.inner_by_modality(error).items():
                total[name][interval] += float((rates(model, t)[name] * squared).sum()) / 2 * (end - start)
    return {name: [value / seen for value in values] for name, values in total.items()}


def rates(model: FlowMolModel, t: Tensor) -> dict[str, Tensor]:
    """How fast SNR = α²/β² of each modality grows at times (B,)."""
    with torch.enable_grad():
        times = t.double().requires_grad_()
        alpha, beta = model.schedules.alpha(times), model.schedules.beta(times)
        ratios = {name: (alpha[name] / beta[name]) ** 2 for name in alpha}
        return {name: torch.autograd.grad(ratio.sum(), times)[0] for name, ratio in ratios.items()}


if __name__ == "__main__":
    main()
