"""Molecules of a base model along any grid and with any kind of step, for the benchmarks."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.models.flowmol.model import FlowMolModel
from molvm.sde import Stepper, simulate


def draw(
    model: FlowMolModel, count: int, grid: Tensor, stepper: Stepper, *, seed: int, batch: int = 64
) -> tuple[list[Molecule], float]:
    """Molecules of the sizes of the training set, the small ones first, and the seconds that took.

    Args:
        model: The base model.
        count: How many.
        grid: Times, shape (K+1,).
        stepper: How a step is made.
        seed: Of sizes and noise.
        batch: Molecules drawn together.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes, _ = torch.sort(model.sample_condition(count, generator))
    molecules: list[Molecule] = []
    started = time.perf_counter()
    for part in sizes.split(batch):
        noise = model.noise(part, len(part), generator)
        path = simulate(model, noise, grid, generator=generator, stepper=stepper, keep_states=False)
        molecules += model.decode(path.terminal)
        print(f"{len(molecules)}/{count}  {time.perf_counter() - started:.0f} s", flush=True)
    return molecules, time.perf_counter() - started
