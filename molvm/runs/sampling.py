"""Drawing samples from a base model, steered or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, ModelError
from molvm.models.base import BaseModel, FlowModel, OwnProcess, made_by, require_steerable
from molvm.models.flowmol.keeping import KeepingFlowMol
from molvm.rewards.subjects import require_subject
from molvm.runs.drawing import Draw, Drawn, Progress
from molvm.runs.exact import Exact, by_particles
from molvm.runs.image_samples import ImageSet
from molvm.runs.inference import Inference, Target
from molvm.runs.keeping import until_kept
from molvm.runs.samples import SampleSet
from molvm.runs.unfinished_samples import UnfinishedSamples
from molvm.sde import SamplingOptions, Steering, simulate

DEFAULT_BATCH_SIZE = 64


class ConditionLaw(Protocol):
    """What conditions can be drawn from."""

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent conditions, shape (count,)."""
        ...


def draw_samples(
    model: BaseModel,
    count: int,
    *,
    control: Steering | None = None,
    seed: int = 0,
    sampling: SamplingOptions | None = None,
    conditions: ConditionLaw | None = None,
    exact: Exact | None = None,
    inference: Inference | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    unfinished: UnfinishedSamples | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SampleSet:
    """Draw molecules by the memoryless SDE, or by the model's own process if it has one.

    All conditions are drawn first and sorted, so that a batch holds molecules of about one size and little padding; the
    samples come back in the order in which they were drawn.

    Args:
        model: The base model; of one that is to keep a part, molecules are drawn until they have it.
        count: How many.
        control: What steers; None for the base model, and for a model with its own process.
        seed: The same seed, batch size and machine give the same molecules.
        sampling: How the SDE is simulated, by default in 100 equal steps but for the first. A model with its own
            process takes the number of steps alone, by default as many as it was published with.
        conditions: What to draw numbers of atoms, classes or prompts from, by default the model itself.
        exact: Draw each molecule from a group of particles, for which there must be a control.
        inference: Steer the base by a method that asks the reward, for which there must be no control.
        batch_size: Samples simulated at a time, at most; particles too.
        unfinished: Where finished batches are kept, and taken from; the folder stays.
        progress: Called with (sample steps done, in all).

    Raises:
        ConfigError: A number is not positive; or particles are to move without a control, or without noise.
        ModelError: There is a control, and the model cannot be steered; or steps of the SDE are asked of a model that
            has another process.
        RewardError: The method's reward judges something else than the model makes.
        DivergenceError: A sample is no longer finite.
        OutputExistsError: What is kept is of another drawing.
    """
    for name, number in (("samples", count), ("molecules in a batch", batch_size)):
        if not isinstance(number, Integral) or number < 1:
            raise ConfigError(f"The number of {name} is {number}.", allowed="a whole number from 1")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"The seed is {seed}.", allowed="a whole number from 0 to 2^63 - 1")
    if inference is None:
        draw, group = _way_of_drawing(model, control, sampling, exact), 1 if exact is None else exact.particles
        return _drawn_in_batches(
            model, count, draw, seed, conditions, max(1, batch_size // group), unfinished, progress
        )
    if control is not None or exact is not None:
        raise ConfigError("A method that steers the base was given something else that steers.")
    require_subject(inference.reward, made_by(model), f"the base model {model.name} makes")
    with inference.target() as target:
        base = _way_of_drawing(model, None, sampling, None)
        draw = _counting(inference.draw(model, sampling or SamplingOptions(), base, target), target)
        at_once = max(1, batch_size // inference.options.particles)
        found = _drawn_in_batches(model, count, draw, seed, conditions, at_once, unfinished, progress)
    section = inference.section
    return replace(
        found,
        strength=inference.strength or 0.0,
        own_reward=lambda: inference.reward,
        workers=section.workers,
        time_limit=section.time_limit,
    )


def _drawn_in_batches(
    model: BaseModel,
    count: int,
    draw: Draw,
    seed: int,
    conditions: ConditionLaw | None,
    at_once: int,
    unfinished: UnfinishedSamples | None,
    progress: Callable[[int, int], None] | None,
) -> SampleSet:
    generator = torch.Generator().manual_seed(seed)
    condition = (model.sample_condition if conditions is None else conditions.draw)(count, generator)
    order = torch.arange(count) if condition is None else torch.argsort(condition, stable=True)
    molecules: list[Molecule] = []
    costs: list[Tensor] = []
    integrals: list[Tensor] = []
    asked = 0
    for number, chosen in enumerate(torch.split(order, at_once)):
        on_step = _scaled(progress, len(molecules), len(chosen), count)
        drawn = None if unfinished is None else unfinished.find(number, generator)
        if drawn is None:
            drawn = draw(None if condition is None else condition[chosen], len(chosen), generator, on_step)
            if unfinished is not None:
                unfinished.keep(number, drawn, generator)
        molecules.extend(model.decode(drawn.terminal))
        costs.append(drawn.path_cost)
        integrals.append(drawn.ito)
        asked += drawn.asked
    back = torch.argsort(order)
    return (SampleSet if made_by(model) == "molecules" else ImageSet)(
        molecules=tuple(
            replace(molecules[index], id=f"{model.name}-{number}")
            for number, index in enumerate(back.tolist(), start=1)
        ),
        path_cost=_restored(costs, back),
        ito=_restored(integrals, back),
        asked=asked,
    )


def _counting(draw: Draw, target: Target) -> Draw:
    """Batches that know how many samples the reward was asked about."""

    def drawing(condition: Tensor | None, count: int, generator: torch.Generator, on_step: Progress | None) -> Drawn:
        before = target.asked
        drawn = draw(condition, count, generator, on_step)
        return replace(drawn, asked=target.asked - before)

    return drawing


def _way_of_drawing(
    model: BaseModel, control: Steering | None, sampling: SamplingOptions | None, exact: Exact | None
) -> Draw:
    if exact is not None:
        return by_particles(require_steerable(model), control, sampling or SamplingOptions(), exact)
    if isinstance(model, OwnProcess) and control is None:
        return _by_itself(model, sampling)
    return _by_sde(require_steerable(model), control, sampling)


def _by_sde(model: FlowModel, control: Steering | None, sampling: SamplingOptions | None) -> Draw:
    """Batches by the memoryless SDE, steered or not."""
    options = sampling or SamplingOptions()
    grid, stepper = options.grid(model.schedules), options.stepper(model)

    def draw(condition: Tensor | None, count: int, generator: torch.Generator, on_step: Progress | None) -> Drawn:
        trajectory = simulate(
            model,
            model.noise(condition, count, generator),
            grid,
            control=control,
            generator=generator,
            stepper=stepper,
            keep_states=False,
            on_step=on_step,
            **options.steering(model, grid),
        )
        return Drawn(trajectory.terminal, trajectory.path_cost, trajectory.ito.sum(dim=0))

    return until_kept(model, draw) if isinstance(model, KeepingFlowMol) else draw


def _by_itself(model: OwnProcess, sampling: SamplingOptions | None) -> Draw:
    """Batches by the model's own process: nothing steers it, so no path costs anything.

    Raises:
        ModelError: Steps of the SDE are asked for, or another noise than its own.
    """
    if sampling is not None and replace(sampling, steps=1) != SamplingOptions(steps=1):
        raise ModelError(
            f"The base model {model.name} has a process of its own, which knows no other transition or noise level.",
            remedy="leaving these out",
        )
    steps = None if sampling is None else sampling.steps

    def draw(condition: Tensor | None, count: int, generator: torch.Generator, on_step: Progress | None) -> Drawn:
        terminal = model.generate(condition, count, generator, steps=steps, on_step=on_step)
        return Drawn(terminal, torch.zeros(count), torch.zeros(count))

    return draw


def _restored(parts: list[Tensor], back: Tensor) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    joined: np.ndarray[tuple[int], np.dtype[np.float64]] = torch.cat(parts)[back].double().numpy()
    return joined


def _scaled(progress: Progress | None, done: int, size: int, count: int) -> Progress | None:
    """Progress over all samples from the progress within a batch."""
    if progress is None:
        return None
    return lambda step, steps: progress(done * steps + size * step, count * steps)
