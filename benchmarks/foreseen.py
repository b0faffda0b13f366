"""How early a failure is seen: `python benchmarks/foreseen.py -n 800 --out FILE`.

Samples of a base are noised to ever later times. For each time: how many of those whose expected endpoint is no sound
molecule (strictly valid, in one piece, neutral) are none in the end, and how many of the others. It is what
`molvm.sde.doubt` goes by.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
from numpy.typing import NDArray

from molvm.cli.allocator import keep_freed_memory
from molvm.evaluation.intervals import wilson
from molvm.models.base import FlowModel, require_steerable
from molvm.models.hub import load_model
from molvm.schedules import interpolate
from molvm.sde import SamplingOptions, simulate
from molvm.sde.doubt import FLAWS
from molvm.states import State

TIMES = (0.7, 0.74, 0.78, 0.82, 0.86, 0.92)
AT_ONCE = 64
SEED = 1_000_003


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qm9")
    parser.add_argument("-n", type=int, default=800)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    keep_freed_memory()
    model = require_steerable(load_model(options.model))
    generator = torch.Generator().manual_seed(SEED)
    failed: list[NDArray[np.bool_]] = []
    seen: dict[float, list[NDArray[np.bool_]]] = {t: [] for t in TIMES}
    for start in range(0, options.n, AT_ONCE):
        samples = sampled(model, min(AT_ONCE, options.n - start), generator)
        failed.append(unsound(model, samples))
        for t in TIMES:
            seen[t].append(unsound(model, expected(model, samples, t, generator)))
        print(f"{start + len(samples)} of {options.n}", flush=True)
    record = {f"{t:g}": row(np.concatenate(failed), np.concatenate(seen[t])) for t in TIMES}
    text = json.dumps(record, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


def sampled(model: FlowModel, count: int, generator: torch.Generator) -> State:
    """Samples of the base by the memoryless SDE in 100 steps, those of like size beside one another."""
    options = SamplingOptions()
    condition = model.sample_condition(count, generator)
    noise = model.noise(None if condition is None else condition.sort().values, count, generator)
    grid = options.grid(model.schedules)
    return simulate(model, noise, grid, generator=generator, keep_states=False).terminal


@torch.no_grad()
def expected(model: FlowModel, samples: State, t: float, generator: torch.Generator) -> State:
    """x̂₁ of the samples, noised to t."""
    times = torch.full((len(samples),), t)
    noised: State = interpolate(model.schedules, samples.randn_like(generator), samples, times)
    return model.predict_endpoint(noised, times).to(dtype=samples.dtype).project()


def unsound(model: FlowModel, endpoints: State) -> NDArray[np.bool_]:
    """Which of them are no sound molecules."""
    checks = FLAWS["broken_and_charged"]
    return np.array([any(check(molecule) for check in checks) for molecule in model.decode(endpoints)])


def row(failed: NDArray[np.bool_], seen: NDArray[np.bool_]) -> dict[str, Any]:
    """Shares with intervals."""
    shares = {"failed": failed, "seen": seen, "failed_if_seen": failed[seen], "failed_else": failed[~seen]}
    return {name: asdict(wilson(int(each.sum()), len(each))) for name, each in shares.items() if len(each)}


if __name__ == "__main__":
    main()
