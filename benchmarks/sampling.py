"""What an evaluation of FlowMol costs: `python benchmarks/sampling.py`.

Times the bundled base and the shapes of the released QM9 and GEOM models (random weights), a whole batch at a time with
every operation split among the cores, and in portions with a core each, in float32 and bfloat16, as it is and compiled,
all in one run and in turn.
Beside them stands the time that plain bfloat16 matrix products take with as many multiply-adds: those of the network
as it is published, and those that are left of it here, which is what no implementation undercuts. An evaluation is what
a step of the sampler asks for: two passes where the model conditions on itself.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from shapes import MULTIPLY_ADDS, SHAPES
from torch.utils.flop_counter import FlopCounterMode

from molvm.cli.allocator import keep_freed_memory
from molvm.models.flowmol.compiled import compile_blocks
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.hub import load_model
from molvm.models.precision import Precision

PRODUCT = (16_384, 256, 256)
"""Rows, inner and outer width of the plain product whose speed is taken as the machine's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    (qm9_atoms, qm9), (geom_atoms, geom) = SHAPES["qm9"], SHAPES["geom"]
    cases = {
        "bundled qm9": (load_model("qm9").network, 64, qm9_atoms, None),
        "released qm9 shape": (FlowMolNetwork(qm9), 64, qm9_atoms, MULTIPLY_ADDS["qm9"]),
        "released geom shape": (FlowMolNetwork(geom), 16, geom_atoms, MULTIPLY_ADDS["geom"]),
    }
    record = {}
    for name, (network, batch, atoms, published) in cases.items():
        seconds = measure(network, batch, atoms, options.rounds, published)
        record[name] = {"batch": batch, "atoms": atoms, "seconds": seconds}
        print(json.dumps({name: record[name]}, indent=1), flush=True)
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=1) + "\n")


def measure(network: FlowMolNetwork, batch: int, atoms: int, rounds: int, published: float | None) -> dict[str, float]:
    """Best seconds of each way, and of arithmetic as plain products; `published`: multiply-adds of a pair of atoms."""

    def model(precision: Precision, network: FlowMolNetwork = network) -> FlowMolModel:
        return FlowMolModel(network, SizeHistogram((atoms,), (1,)), "benchmark", precision=precision)

    copied = deepcopy(network)
    compile_blocks(copied)
    compiled = model("bfloat16", copied)

    exact, rounded = model("float32"), model("bfloat16")
    x = exact.noise(torch.full((batch,), atoms), batch, torch.Generator().manual_seed(0))
    t = torch.full((batch,), 0.5)
    ways: dict[str, Callable[[], object]] = {
        "float32, whole batch": lambda: exact._predict(x, t),
        "bfloat16, whole batch": lambda: rounded._predict(x, t),
        "float32, portions": lambda: exact.predict_endpoint(x, t),
        "bfloat16, portions": lambda: rounded.predict_endpoint(x, t),
        "bfloat16, portions, compiled": lambda: compiled.predict_endpoint(x, t),
    }
    with FlopCounterMode(display=False) as counter:
        exact._predict(x, t)
    ways["what is left of its arithmetic as bfloat16 products"] = plain_products(counter.get_total_flops())
    if published is not None:
        flops = round(2 * published * batch * atoms * (atoms - 1))
        ways["its published arithmetic as bfloat16 products"] = plain_products(flops)
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds + 1):  # the first round warms up and can hardly be the best
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            best[name] = min(best[name], time.perf_counter() - started)
    return best


def plain_products(flops: int) -> Callable[[], None]:
    """As many matrix products of one convenient shape as have that arithmetic."""
    rows, inner, outer = PRODUCT
    left = torch.randn(rows, inner, dtype=torch.bfloat16)
    right = torch.randn(inner, outer, dtype=torch.bfloat16)
    count = max(1, round(flops / (2 * rows * inner * outer)))

    def run() -> None:
        for _ in range(count):
            torch.mm(left, right)

    return run


if __name__ == "__main__":
    main()
