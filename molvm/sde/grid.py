"""Time grids from noise to data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.schedules import Schedules

START_SIGNAL = 1e-3
"""Share of the data, α, that a trajectory may be presumed to have forgotten when it starts at t > 0 from pure noise."""

MAX_RELATIVE_STEP = 0.25
"""Largest κ dt of the default grid; a step makes the variance of pure noise 1 + (κ dt)² instead of 1."""

MAX_STRETCH = 1.5
"""The default grid has no step longer than this many uniform ones, however few steps there are."""

_QUADRATURE_POINTS = 20_001
_BISECTIONS = 60


def start_time(schedules: Schedules, signal: float = START_SIGNAL) -> float:
    """The latest time at which no modality has α above `signal`.

    0.001 for the linear schedule, 0.0201 for cosine ν = 1; of several modalities the most advanced one decides.

    Raises:
        ConfigError: `signal` is not in (0, 1), or already exceeded at t = 0.
    """
    if not 0 < signal < 1:
        raise ConfigError(f"The starting signal is {signal}.", allowed="a number between 0 and 1")
    low, high = 0.0, 1.0
    if float(schedules.most_advanced_alpha(torch.zeros((), dtype=torch.float64))) > signal:
        # A variance-preserving schedule never forgets everything; its own t = 0 is where its noise is standard normal.
        return 0.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        alpha = schedules.most_advanced_alpha(torch.tensor(middle, dtype=torch.float64))
        low, high = (middle, high) if float(alpha) <= signal else (low, middle)
    return low


def uniform_grid(steps: int, start: float) -> Tensor:
    """`steps` equal steps from `start` to 1, as in the Value Matching paper (its code starts at 0.02).

    Returns:
        Times, float64, shape (steps + 1,).

    Raises:
        ConfigError: no step at all, or a start outside [0, 1).
    """
    _check_grid(steps, start)
    return torch.linspace(start, 1.0, steps + 1, dtype=torch.float64)


def time_grid(
    schedules: Schedules,
    steps: int,
    *,
    start: float | None = None,
    relative_step: float = MAX_RELATIVE_STEP,
    window: tuple[float, float] = (0.0, 1.0),
    focus: float = 1.0,
) -> Tensor:
    """The default grid: steps that grow with time until they are all equal, from `start` to 1.

    Why not t = 0: there κ and σ are infinite. Starting pure noise at t₀ > 0 instead presumes that x_{t₀} carries no
    data, an error of relative size α(t₀), so t₀ is chosen by `start_time`.

    Why not equal steps: where the state is noise, an Euler–Maruyama step multiplies it by 1 − κ dt and adds 2κ dt of
    variance, so the variance becomes 1 + (κ dt)²; with 100 equal steps from t₀ = 0.001 of the linear schedule that is
    1 + (dt/t₀)² = 101, and the network sees inputs it never saw. Hence κ dt ≤ `relative_step` for the fastest modality
    (its κ is about 1/t for the linear schedule and 2ν/t for the cosine one), under which the variance stays below
    1/(1 − κ dt/2); later, where that bound is slack, all steps are equal.

    The end: the last step goes to t = 1 like any other, with the noise of its left end. Freezing the endpoint there
    would leave the samples under-dispersed.

    Args:
        schedules: α and β of each modality.
        steps: Number of steps K.
        start: First time; by default `start_time(schedules)`.
        relative_step: Bound on κ dt; infinite for none, and then a grid may start at 0. It is exceeded when K is so
            small that the uniform part would have steps of more than `MAX_STRETCH`/K.
        window: Two times between which steps are shorter,
        focus: so many times; 1 or more.

    Returns:
        Times, float64, shape (steps + 1,), strictly increasing.

    Raises:
        ConfigError: no step at all, a start outside (0, 1) where κ is infinite, or a bound that is not positive.
    """
    first = start_time(schedules) if start is None else start
    _check_grid(steps, first)
    if not relative_step > 0:
        raise ConfigError(f"The relative step is {relative_step}.", allowed="a positive number")
    if not focus >= 1:
        raise ConfigError(f"The focus is {focus}.", allowed="a number from 1")
    nodes = np.concatenate([[first], first + (1 - first) * np.geomspace(1e-5, 1.0, _QUADRATURE_POINTS - 1)])
    kappa = np.zeros_like(nodes) if math.isinf(relative_step) else _fastest_rate(schedules, nodes)
    crowding = np.where((nodes >= window[0]) & (nodes <= window[1]), focus, 1.0)

    def index(longest: float, relative: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The number of steps taken until each node, if dt = min(longest/crowding, relative/κ).

        The logarithm is what turns a density into whole steps: with κ = 1/t, n of them lead from t to t (1 + c)ⁿ.
        """
        density = np.maximum(crowding / longest, kappa / np.log1p(relative))
        increments = (density[1:] + density[:-1]) / 2 * np.diff(nodes)
        return np.concatenate([[0.0], np.cumsum(increments)])

    uniform = float(np.trapezoid(crowding, nodes)) / steps
    if index(MAX_STRETCH * uniform, relative_step)[-1] <= steps:
        longest = _bisect(lambda h: index(h, relative_step)[-1], steps, uniform, MAX_STRETCH * uniform)
        passed = index(longest, relative_step)
    else:
        enough = 2 * relative_step
        while index(MAX_STRETCH * uniform, enough)[-1] > steps:
            enough *= 2
        relative = _bisect(lambda c: index(MAX_STRETCH * uniform, c)[-1], steps, relative_step, enough)
        passed = index(MAX_STRETCH * uniform, relative)
    grid = np.interp(np.arange(steps + 1) * (passed[-1] / steps), passed, nodes)
    grid[0], grid[-1] = first, 1.0
    return torch.from_numpy(grid)


def trained_grid(grid: Tensor, trained_steps: int) -> Tensor:
    """The trained times that are nearest to a grid's, each once.

    Equal steps from t = 0 become what diffusers calls the "trailing" spacing: the first is the noisiest trained time.

    Args:
        grid: Times from 0 to 1, float64, shape (steps + 1,).
        trained_steps: T, for the times 0, 1/T, …, 1.

    Raises:
        ConfigError: There are more steps than trained times, or some fall together.
    """
    snapped = torch.round(grid * trained_steps)
    if len(torch.unique(snapped)) != len(grid):
        raise ConfigError(
            f"{len(grid) - 1} steps do not fit onto the {trained_steps} times that the base model was trained at.",
            remedy="fewer steps, or a smaller focus",
        )
    return snapped / trained_steps


def _fastest_rate(schedules: Schedules, nodes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The largest κ of all modalities at the nodes.

    Raises:
        ConfigError: It is infinite at the first one.
    """
    rates = schedules.collect(lambda schedule: schedule.kappa(torch.from_numpy(nodes)))
    kappa = torch.stack(list(rates.values())).amax(dim=0).numpy()
    if not np.isfinite(kappa).all():
        raise ConfigError(
            f"A grid cannot start at t = {nodes[0]}, where the noise is infinite.", allowed="a start above 0"
        )
    return kappa


def _bisect(decreasing: Callable[[float], float], target: float, low: float, high: float) -> float:
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if decreasing(middle) > target else (low, middle)
    return high


def _check_grid(steps: int, start: float) -> None:
    if steps < 1:
        raise ConfigError(f"A time grid of {steps} steps was asked for.", allowed="at least 1 step")
    if not 0 <= start < 1:
        raise ConfigError(f"A time grid that starts at {start} was asked for.", allowed="a start from 0 to below 1")
