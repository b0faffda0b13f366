"""Samples of a base model that are drawn once and kept, so that an interrupted drawing goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

from molvm.errors import CheckpointError
from molvm.models.base import FlowModel
from molvm.objectives.replay import state_from, tensors_of
from molvm.sde import SamplingOptions, simulate
from molvm.states import State
from molvm.training.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint

BATCH: Final = 64


def drawn_and_kept(
    model: FlowModel,
    count: int,
    sampling: SamplingOptions,
    seed: int,
    folder: Path,
    *,
    progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> list[Any]:
    """Decoded samples of the base, in batches, each of which is the same whether it is drawn or read.

    Args:
        model: The base model.
        count: How many.
        sampling: In which steps.
        seed: Of all randomness.
        folder: Where batches are kept.
        progress: Called with (samples drawn, count).
        check: Called often; what it raises ends the work, and whole batches stay.

    Raises:
        CheckpointError: A batch is damaged.
    """
    grid, stepper, samples = sampling.grid(model.schedules), sampling.stepper(model), list[Any]()
    kind: type[State] = type(model.noise(model.sample_condition(1), 1))

    def on_step(done: int, steps: int) -> None:
        check()
        progress(len(samples) + (min(BATCH, count - len(samples)) * done) // steps, count)

    for number in range(-(-count // BATCH)):
        kept = folder / f"{number}"
        if has_checkpoint(kept):
            found = state_from(load_checkpoint(kept).tensors, "ends", kind)
            if found is None:
                raise CheckpointError(f"{kept} has no samples in it.", remedy="removing it, and going on")
            terminal = found
        else:
            size = min(BATCH, count - len(samples))
            generator = torch.Generator().manual_seed(seed + number)
            noise = model.noise(model.sample_condition(size, generator), size, generator)
            path = simulate(
                model, noise, grid, generator=generator, stepper=stepper, keep_states=False, on_step=on_step
            )
            terminal = path.terminal
            save_checkpoint(kept, 0, tensors_of("ends", terminal), {"kind": "base samples"})
        samples.extend(model.decode(terminal))
        progress(len(samples), count)
    return samples
