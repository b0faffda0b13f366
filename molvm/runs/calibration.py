"""Measuring the spread of a base model, which the transition with the analytic variance needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch

from molvm.errors import ConfigError, ModelError
from molvm.models.base import FlowModel
from molvm.models.hub import amend_card, load_model
from molvm.models.spread import SPREAD_KEY, PosteriorSpread, measure_spread
from molvm.sde import simulate, time_grid

STEPS: Final = 100
"""Of Euler-Maruyama, for the molecules that the spread is measured on."""

TIMES: Final = tuple(round(float(t), 3) for t in np.linspace(0, 1, 41)[:-1])


def measure(
    model: FlowModel, count: int = 256, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> PosteriorSpread:
    """The spread of a model, on molecules that it draws.

    Args:
        model: The base model.
        count: How many molecules.
        seed: Of all randomness.
        progress: Called with (steps done, steps in all).

    Raises:
        ConfigError: The count is not positive.
    """
    if count < 1:
        raise ConfigError(f"The number of molecules is {count}.", allowed="a whole number from 1")
    generator = torch.Generator().manual_seed(seed)
    noise = model.noise(model.sample_condition(count, generator), count, generator)
    grid = time_grid(model.schedules, STEPS)
    path = simulate(model, noise, grid, generator=generator, keep_states=False, on_step=progress)
    return measure_spread(model, path.terminal, TIMES, generator)


def calibrate(
    name: str | Path, count: int = 256, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Measure a model's spread and write it into its card.

    Args:
        name: A model's name, or its directory.
        count: How many molecules it is measured on.
        seed: Of all randomness.
        progress: Called with (steps done, steps in all).

    Returns:
        The card.

    Raises:
        UnknownNameError: There is no such model.
        ModelError: The model has tokens for its classes, and another process.
        OutputExistsError: The card cannot be written.
        ConfigError: The count is not positive.
    """
    model = load_model(name)
    if not isinstance(model, FlowModel):
        raise ModelError(
            f"The base model {model.name} is a Markov chain over tokens (CTMC), which has a process of its own.",
            allowed="models that are continuous in every modality, as qm9",
        )
    return amend_card(name, {SPREAD_KEY: measure(model, count, seed, progress).to_dict()})
