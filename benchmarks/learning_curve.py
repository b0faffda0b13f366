"""Quality against training, for every checkpoint kept: `python benchmarks/learning_curve.py pretraining/X -n 128`.

Molecules are drawn with the averaged weights by the memoryless SDE in 40 steps with the analytic variance.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from drawing import draw

from molvm.cli.allocator import keep_freed_memory
from molvm.evaluation.metrics import summarise
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.hub import load_model
from molvm.models.precision import resolve_precision
from molvm.runs.calibration import measure
from molvm.sde import analytic_variance, uniform_grid
from molvm.training.checkpoint import Checkpoint, read_checkpoint

STEPS = 40
SHARES = ("atoms_stable", "connected", "strictly_valid", "strictly_valid_and_connected")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pretraining", type=Path)
    parser.add_argument("--sizes-of", default="qm9", help="a model that has the numbers of atoms to draw")
    parser.add_argument("-n", type=int, default=128)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    sizes, rows = load_model(options.sizes_of).sizes, []
    for path in sorted((options.pretraining / "checkpoints").glob("step-*")):
        rows.append(row(read_checkpoint(path), sizes, options.n))
        print(json.dumps(rows[-1]), flush=True)
        if options.out:
            options.out.write_text(json.dumps(rows, indent=1) + "\n")


def row(checkpoint: Checkpoint, sizes: SizeHistogram, count: int) -> dict[str, Any]:
    """What molecules of a checkpoint are like."""
    network = FlowMolNetwork(FlowMolConfig.from_dict(checkpoint.metadata["config"]))
    network.load_state_dict(checkpoint.part("average"))
    model = FlowMolModel(network, sizes, "checkpoint", precision=resolve_precision("auto"))
    stepper = analytic_variance(measure(model, 32))
    molecules, _ = draw(model, count, uniform_grid(STEPS, 0.0), stepper, seed=0, batch=32)
    dataset = str(checkpoint.metadata["dataset"])
    shares = summarise(molecules, table=dataset, energies=False).shares
    found = {name: shares[name] for name in SHARES}
    return {
        "step": checkpoint.step,
        "core_hours": checkpoint.metadata.get("core_seconds", 0.0) / 3600,
        "n": count,
        **{name: None if each is None else [each.value, each.low, each.high] for name, each in found.items()},
    }


if __name__ == "__main__":
    main()
