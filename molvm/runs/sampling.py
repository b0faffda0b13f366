"""Drawing samples from a base model, steered or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError
from molvm.models.base import FlowModel
from molvm.runs.samples import SampleSet
from molvm.sde import Control, SamplingOptions, simulate

DEFAULT_BATCH_SIZE = 64


def draw_samples(
    model: FlowModel,
    count: int,
    *,
    control: Control | None = None,
    seed: int = 0,
    sampling: SamplingOptions | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    progress: Callable[[int, int], None] | None = None,
) -> SampleSet:
    """Draw molecules by the memoryless SDE.

    All conditions are drawn first and sorted, so that a batch holds molecules of about one size and little padding; the
    samples come back in the order in which they were drawn.

    Args:
        model: The base model.
        count: How many.
        control: What steers; None for the base model.
        seed: The same seed, batch size and machine give the same molecules.
        sampling: How the SDE is simulated, by default in 100 equal steps but for the first.
        batch_size: Samples simulated at a time, at most.
        progress: Called with (sample steps done, in all).

    Raises:
        ConfigError: A number is not positive.
        DivergenceError: A sample is no longer finite.
    """
    for name, number in (("samples", count), ("molecules in a batch", batch_size)):
        if number < 1:
            raise ConfigError(f"The number of {name} is {number}.", allowed="a whole number from 1")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"The seed is {seed}.", allowed="a whole number from 0 to 2^63 - 1")
    generator = torch.Generator().manual_seed(seed)
    condition = model.sample_condition(count, generator)
    order = torch.arange(count) if condition is None else torch.argsort(condition, stable=True)
    sampling = sampling or SamplingOptions()
    grid = sampling.grid(model.schedules)
    molecules: list[Molecule] = []
    costs: list[Tensor] = []
    integrals: list[Tensor] = []
    for chosen in torch.split(order, batch_size):
        done = len(molecules)
        trajectory = simulate(
            model,
            model.noise(None if condition is None else condition[chosen], len(chosen), generator),
            grid,
            control=control,
            generator=generator,
            keep_states=False,
            allowance=sampling.allowance(grid),
            on_step=_scaled(progress, done, len(chosen), count),
        )
        molecules.extend(model.decode(trajectory.terminal))
        costs.append(trajectory.path_cost)
        integrals.append(trajectory.ito.sum(dim=0))
    back = torch.argsort(order)
    return SampleSet(
        molecules=tuple(
            replace(molecules[index], id=f"{model.name}-{number}")
            for number, index in enumerate(back.tolist(), start=1)
        ),
        path_cost=_restored(costs, back),
        ito=_restored(integrals, back),
    )


def _restored(parts: list[Tensor], back: Tensor) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    joined: np.ndarray[tuple[int], np.dtype[np.float64]] = torch.cat(parts)[back].double().numpy()
    return joined


def _scaled(
    progress: Callable[[int, int], None] | None, done: int, size: int, count: int
) -> Callable[[int, int], None] | None:
    """Progress over all samples from the progress within a batch."""
    if progress is None:
        return None
    return lambda step, steps: progress(done * steps + size * step, count * steps)
