"""What a control adds to the base's time: `python benchmarks/control_overhead.py --out FILE`.

One evaluation of a transformer of DiT-XL/2's size (random weights, float32, 256 tokens), and the gradient of a value
network of each size by the same latents, both of one image, by turns on one core. Seconds of the processor, not of the
clock, so that other work beside it does not matter; the median.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from diffusers import DiTTransformer2DModel

from molvm.states import TensorState
from molvm.values.images import ImageValue
from molvm.values.ladder import IMAGE_SIZES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = DiTTransformer2DModel(
        sample_size=32,
        num_layers=options.layers,
        num_attention_heads=16,
        attention_head_dim=72,
        in_channels=4,
        out_channels=8,
    ).eval()
    x, t = TensorState(torch.randn(1, 4, 32, 32)), torch.full((1,), 0.5)
    label = torch.zeros(1, dtype=torch.long)
    values = {size: ImageValue(4, config).requires_grad_(False) for size, config in IMAGE_SIZES.items()}
    found: dict[str, list[float]] = {"base": []} | {size: [] for size in values}
    for round_ in range(options.rounds + 1):
        with torch.no_grad():
            found["base"].append(seconds(lambda: network(x.x, timestep=500 * t, class_labels=label)))
        for size, value in values.items():
            found[size].append(seconds(lambda value=value: gradient(value, x, t)))
        if round_ == 0:  # the first of each makes its plans
            found = {name: [] for name in found}
    medians = {name: statistics.median(each) for name, each in found.items()}
    record = {
        "base_parameters": sum(each.numel() for each in network.parameters()),
        "base_seconds": medians["base"],
        "control": {
            size: {
                "parameters": sum(each.numel() for each in value.parameters()),
                "seconds": medians[size],
                "share_of_base": medians[size] / medians["base"],
            }
            for size, value in values.items()
        },
    }
    print(json.dumps(record, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=1) + "\n")


def gradient(value: ImageValue, x: TensorState, t: torch.Tensor) -> torch.Tensor:
    """Of the value by the latents."""
    leaf = x.leaf()
    return torch.autograd.grad(value(leaf, t).sum(), leaf.x)[0]


def seconds(work: Callable[[], object]) -> float:
    """Of the processor."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
