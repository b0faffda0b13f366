"""Quality against training: `python benchmarks/learning_curve.py pretraining/X -n 128`.

Of each model that `molvm pretrain --model-every N` has left, and of the finished one, molecules are drawn by the
memoryless SDE in 40 steps with the analytic variance.
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
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.hub import load_model
from molvm.runs.calibration import measure
from molvm.runs.pretraining import EARLIER_FOLDER, MODEL_FOLDER
from molvm.sde import analytic_variance, uniform_grid

STEPS = 40
SHARES = ("atoms_stable", "connected", "strictly_valid", "strictly_valid_and_connected")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pretraining", type=Path)
    parser.add_argument("-n", type=int, default=128)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    folders = [*sorted((options.pretraining / EARLIER_FOLDER).glob("step-*")), options.pretraining / MODEL_FOLDER]
    rows = []
    for folder in filter(Path.exists, folders):
        rows.append(row(folder, options.n))
        print(json.dumps(rows[-1]), flush=True)
        if options.out:
            options.out.write_text(json.dumps(rows, indent=1) + "\n")


def row(folder: Path, count: int) -> dict[str, Any]:
    """What molecules of a model are like."""
    model = load_model(folder)
    assert isinstance(model, FlowMolModel)
    stepper = analytic_variance(measure(model, 32))
    molecules, _ = draw(model, count, uniform_grid(STEPS, 0.0), stepper, seed=0, batch=32)
    shares = summarise(molecules, table=model.card["dataset"], energies=False).shares
    found = {name: shares[name] for name in SHARES}
    return {
        "step": model.card["steps"],
        "core_hours": model.card["core_hours"],
        "n": count,
        **{name: None if each is None else [each.value, each.low, each.high] for name, each in found.items()},
    }


if __name__ == "__main__":
    main()
