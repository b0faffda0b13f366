"""Quality against the number of steps, for Euler-Maruyama and for the step with the analytic variance.

    python benchmarks/steps.py --model qm9 -n 1000 --steps 15 25 50 100 --out benchmarks/results/steps_qm9.json

The spread that the analytic variance needs is that of the model's card, or is measured on molecules of the model.
Euler-Maruyama runs on molvm's own grid, the other from t = 0 in equal steps.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from drawing import draw
from torch import Tensor

from molvm.cli.allocator import keep_freed_memory
from molvm.evaluation.metrics import summarise
from molvm.evaluation.reference import load_reference
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.hub import load_model
from molvm.models.spread import PosteriorSpread
from molvm.runs.calibration import measure
from molvm.sde import Stepper, analytic_variance, euler_maruyama, time_grid, uniform_grid

SHARES = ("atoms_stable", "strictly_valid", "connected", "strictly_valid_and_connected", "unique")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qm9")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--steps", type=int, nargs="+", default=[15, 25, 50, 100])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    model = load_model(options.model)
    assert isinstance(model, FlowMolModel)
    spread = model.spread or measure(model)
    dataset = model.card["dataset"]
    rows: list[dict[str, Any]] = []
    for name, steps, grid, stepper in cases(model, spread, options.steps):
        print(f"{name}, {steps} steps", flush=True)
        molecules, seconds = draw(model, options.n, grid, stepper, seed=options.seed)
        summary = summarise(molecules, table=dataset, reference=load_reference(dataset)).to_json()
        rows.append({"step": name, "steps": steps, "molecules_a_second": options.n / seconds, "summary": summary})
        print(row_text(rows[-1]), flush=True)
    print("\n".join(row_text(row) for row in rows))
    if options.out:
        record = {"model": options.model, "n": options.n, "seed": options.seed, "spread": spread.to_dict()}
        options.out.write_text(json.dumps({**record, "rows": rows}, indent=1) + "\n")


def cases(model: FlowMolModel, spread: PosteriorSpread, numbers: list[int]) -> list[tuple[str, int, Tensor, Stepper]]:
    """Name, number of steps, grid and kind of step of each row."""
    analytic = analytic_variance(spread)
    return [
        each
        for steps in numbers
        for each in (
            ("euler_maruyama", steps, time_grid(model.schedules, steps), euler_maruyama),
            ("analytic_variance", steps, uniform_grid(steps, 0.0), analytic),
        )
    ]


def row_text(row: dict[str, Any]) -> str:
    """A row of the table for RESULTS.md."""
    shares = row["summary"]["shares"]
    cells = [f"{100 * shares[name]['value']:.1f}" if shares[name] else "-" for name in SHARES]
    return f"| {row['step']} | {row['steps']} | {' | '.join(cells)} | {row['molecules_a_second']:.2f} |"


if __name__ == "__main__":
    main()
