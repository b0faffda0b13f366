"""Euler and Maruyama's terminal law is the ancestral sampler's in the limit of many steps, to first order.

By recursions of mean and variance, without sampling noise: with a Gaussian base every step is affine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import pytest
import torch

from molvm.schedules import Schedule, Schedules, TrainedSchedule, VariancePreservingSchedule
from molvm.sde import ddim, euler_maruyama, uniform_grid
from molvm.sde.transition import Stepper

MEAN, VARIANCE = 1.0, 0.49

STEPS = [125, 250, 500, 1000]

DDPM = torch.log1p(-torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)).cumsum(0)
SCHEDULES = {
    "vp": VariancePreservingSchedule(),
    "ddpm": TrainedSchedule((*(-DDPM.flip(0) / 2).tolist(), 0.0)),
}


def gain(schedule: Schedule, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """α, and the slope of the exact denoiser E[x₁ | x_t] = m + G (x_t − αm)."""
    alpha, beta = schedule.alpha(t), schedule.beta(t)
    return alpha, alpha * VARIANCE / (alpha**2 * VARIANCE + beta**2)


def terminal(schedule: Schedule, stepper: Stepper, steps: int) -> tuple[float, float]:
    """Mean and variance of the chain that starts at N(0, 1)."""
    grid = uniform_grid(steps, 0.0)
    mean, variance = 0.0, 1.0
    parts = stepper(Schedules({"x": schedule}), grid[:-1], grid[1:]).steps()
    alphas, slopes = (each.tolist() for each in gain(schedule, grid[:-1]))
    for step, alpha, slope in zip(parts, alphas, slopes, strict=True):
        moved = step.keep["x"] + step.pull["x"] * slope
        mean = moved * mean + step.pull["x"] * MEAN * (1 - slope * alpha)
        variance = moved**2 * variance + step.noise["x"] ** 2
    return mean, variance


def limit(schedule: Schedule) -> tuple[float, float]:
    """Those of x₁ where x₀ ~ N(0, 1), and x₁ | x₀ is the posterior of the forward process."""
    alpha, slope = (float(each) for each in gain(schedule, torch.zeros((), dtype=torch.float64)))
    return MEAN * (1 - slope * alpha), VARIANCE * (1 - alpha * slope) + slope**2


def orders(errors: Iterable[float]) -> list[float]:
    """How many powers of the step each doubling of the number of steps takes away."""
    return [math.log2(abs(coarse) / abs(fine)) for coarse, fine in pairwise(errors)]


FIRST = pytest.approx([1.0] * (len(STEPS) - 1), abs=0.15)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_both_samplers_end_at_one_law_to_first_order(schedule: Schedule) -> None:
    mean, variance = limit(schedule)
    euler, ancestral = ([terminal(schedule, each, steps) for steps in STEPS] for each in (euler_maruyama, ddim))
    assert orders(found[0] - mean for found in euler) == FIRST
    assert orders(found[1] - variance for found in euler) == FIRST
    # A bridge seen from its expected end misses none of the mean, in any number of steps.
    assert [found[0] for found in ancestral] == pytest.approx([mean] * len(STEPS), abs=1e-12)
    assert orders(found[1] - variance for found in ancestral) == FIRST
    assert all(found[1] < variance for found in ancestral)  # it leaves out how uncertain that end is
    for moment in (0, 1):
        assert orders(one[moment] - other[moment] for one, other in zip(euler, ancestral, strict=True)) == FIRST
