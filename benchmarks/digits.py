"""What steering did to the bundled digits: compressible, plain and incompressible ones from the same noise.

    molvm train --dataset digits --reward 'jpeg(direction=minimise)' --strength 25 --out runs/small ...
    molvm train --dataset digits --reward 'jpeg(direction=maximise)' --strength 25 --out runs/large ...
    python benchmarks/digits.py runs/small runs/large -n 200 --out digits.json --figure docs/digits.png

Bits per pixel of fresh samples of the base and of both runs, with intervals, and what the runs' controls cost.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from molvm.cli.allocator import keep_freed_memory
from molvm.evaluation.intervals import mean_interval
from molvm.images.files import write_grid
from molvm.runs.assembly import sampling_options
from molvm.runs.run import Run
from molvm.runs.samples import SampleSet
from molvm.runs.sampling import draw_samples

SHOWN = 16
"""Samples of each in the figure, a row each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1_000_003, help="unlike the seeds of training")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    runs = [Run.open(path) for path in options.runs]
    first = runs[0]
    base = draw_samples(first.model, options.n, seed=options.seed, sampling=sampling_options(first.config))
    groups = {"base": base.score(first.reward)}
    for run in runs:
        groups[run.path.name] = run.sample(options.n, seed=options.seed).score(first.reward)
    record = {name: measured(samples) for name, samples in groups.items()}
    print(json.dumps(record, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    if options.figure is not None:
        shown = [image for samples in groups.values() for image in samples.molecules[:SHOWN]]
        write_grid(options.figure, shown, columns=SHOWN)  # type: ignore[arg-type]


def measured(samples: SampleSet) -> dict[str, Any]:
    """Bits per pixel, and the control's cost in nats."""
    values = [outcome.value for outcome in samples.outcomes if outcome.value is not None]
    return {"bits": asdict(mean_interval(values)), "kl": asdict(mean_interval(samples.path_cost.tolist()))}


if __name__ == "__main__":
    main()
