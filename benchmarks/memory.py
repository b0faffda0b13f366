"""Peak memory of one whole iteration of training: `python benchmarks/memory.py --shape geom`.

A base of the released shape with random weights, the value network of the paper's size (E), 128 molecules, 100 steps:
roll out under the control, decode, learn. A reward that costs no memory stands in for a chemist's, which works in
processes of its own. What is given is the largest resident set from the start of the iteration to its end, less that of
the idle process that holds both networks.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from shapes import SHAPES

from molvm.chem.molecule import Molecule
from molvm.cli.allocator import keep_freed_memory
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.precision import resolve_precision
from molvm.objectives import ValueMatching
from molvm.rewards.base import Outcome
from molvm.sde import SamplingOptions
from molvm.training.trainer import Trainer, TrainerOptions
from molvm.values.ladder import build_features

STRENGTH = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=list(SHAPES), default="qm9")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--value-size", default="E")
    options = parser.parse_args()

    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        trainer = build(options.shape, options.batch, options.steps, options.value_size, Path(folder))
        idle, started = resident_bytes(), time.perf_counter()
        with peak_resident_bytes() as peak:
            trainer.run()
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                **vars(options),
                "value_parameters": sum(parameter.numel() for parameter in trainer.objective.parameters()),
                "idle_GB": round(idle / 1e9, 3),
                "above_idle_GB": round((peak[0] - idle) / 1e9, 3),
                "seconds": round(seconds, 1),
            },
            indent=1,
        )
    )


def build(shape: str, batch: int, steps: int, value_size: str, folder: Path) -> Trainer:
    """A trainer for one iteration."""
    atoms, config = SHAPES[shape]
    torch.manual_seed(0)
    sizes = SizeHistogram((atoms,), (1,))
    model = FlowMolModel(FlowMolNetwork(config), sizes, shape, precision=resolve_precision("auto"))
    features = build_features(model, value_size)
    objective = ValueMatching.build(features, model.schedules, STRENGTH, conditions=model.conditions)
    options = TrainerOptions(iterations=1, batch_size=batch, sampling=SamplingOptions(steps=steps))
    return Trainer(model, objective, heavy_atoms, options, strength=STRENGTH, floor=0.0, checkpoints=folder)


def heavy_atoms(molecules: list[Molecule]) -> list[Outcome]:
    """How many atoms are not hydrogen."""
    return [Outcome(id=molecule.id, value=float((molecule.elements > 1).sum())) for molecule in molecules]


def resident_bytes() -> int:
    """What this process has in memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def peak_resident_bytes() -> Iterator[list[int]]:
    """The largest resident set within, looked at two hundred times a second: a list of one number."""
    peak, done = [resident_bytes()], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], resident_bytes())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


if __name__ == "__main__":
    main()
