"""A control that is taken where the step leads is the best one of the chain, however few steps there are.

Base N(0.5, 0.7²), λr = −(3/2)(x − 1.5)², so p* = N(1.0951, 0.4454²). Held over a step the same V tilts too little.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from molvm.errors import StateError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.sde import SamplingOptions, Stepper, Trajectory, ddim, euler_maruyama, simulate
from molvm.states import State, TensorState

BASE = GaussianMixture.of([1.0], [[0.5]], [[0.49]])
MODEL = GaussianMixtureModel((BASE,), LinearSchedule())
REWARD = QuadraticReward((0.0,), 3.0, (1.5,))
STEPS, COUNT = 20, 40_000
STANDARD_ERROR = 0.4454 / COUNT**0.5

STEPPERS = {"euler_maruyama": euler_maruyama, "ddim": ddim}


class ChainValue:
    """V of the chain itself, and its gradient: x₁ given x_k is N(A_k x + c_k, P_k), by recursion from the end."""

    def __init__(self, grid: Tensor, stepper: Stepper) -> None:
        slope, offset, spread = 1.0, 0.0, 0.0
        self.laws = {1.0: (slope, offset, spread)}
        for t, s in zip(grid[:-1].flip(0), grid[1:].flip(0), strict=True):
            step = stepper(MODEL.schedules, t, s)
            alpha, beta = float(t), 1 - float(t)
            gain = alpha * 0.49 / (alpha**2 * 0.49 + beta**2)
            keep, pull, noise = (float(part["x"]) for part in (step.keep, step.pull, step.noise))
            offset += slope * pull * (0.5 - gain * alpha * 0.5)
            spread += slope**2 * noise**2
            slope *= keep + pull * gain
            self.laws[round(float(t), 6)] = (slope, offset, spread)

    def gradient(self, x: State, t: Tensor) -> State:
        slope, offset, spread = self.laws[round(float(t[0]), 6)]
        return x.map(lambda part: 3 * slope * (slope * part + offset - 1.5) / (1 + 3 * spread))


def path(name: str, look_ahead: int, count: int = COUNT) -> Trajectory:
    options = SamplingOptions(steps=STEPS, transition=name, look_ahead=look_ahead)  # type: ignore[arg-type]
    generator, grid = torch.Generator().manual_seed(4), options.grid(MODEL.schedules)
    return simulate(
        MODEL,
        MODEL.noise(None, count, generator),
        grid,
        control=ChainValue(grid, STEPPERS[name]),
        generator=generator,
        stepper=STEPPERS[name],
        look_ahead=look_ahead,
    )


def gained(trajectory: Trajectory) -> float:
    """λE[r] − KL, which the best control of the chain makes largest: log Z of the chain."""
    return float(REWARD(trajectory.terminal.parts["x"]).mean() - trajectory.path_cost.mean())


@pytest.mark.parametrize("name", STEPPERS)
def test_it_loses_less_than_the_held_control(name: str) -> None:
    """What is left is lost to the noise of a step, which no shift makes smaller."""
    held, once, twice, thrice = (path(name, sweeps) for sweeps in range(4))
    log_weights = twice.log_weight(1.0, REWARD(twice.terminal.parts["x"])).double()
    log_z = float(torch.logsumexp(log_weights, dim=0) - math.log(COUNT))
    assert log_z - gained(held) > 0.04
    assert log_z - gained(once) < 0.6 * (log_z - gained(held))
    assert gained(twice) > gained(once) - 1e-3
    assert gained(thrice) == pytest.approx(gained(twice), abs=1e-4)


def test_twenty_steps_of_euler_and_maruyama_have_the_tilted_mean() -> None:
    held, ahead = (float(path("euler_maruyama", sweeps).terminal.parts["x"].mean()) for sweeps in (0, 2))
    assert held < 1.0951 - 5 * STANDARD_ERROR
    assert ahead == pytest.approx(1.0951, abs=3 * STANDARD_ERROR + 0.004)


def test_its_weights_are_exact() -> None:
    """The mean of exp(log weight) is Z whatever steers; it is that of the base chain, unsteered."""
    options = SamplingOptions(steps=STEPS)
    generator, grid = torch.Generator().manual_seed(5), options.grid(MODEL.schedules)
    base = simulate(MODEL, MODEL.noise(None, COUNT, generator), grid, generator=generator)
    unsteered = REWARD(base.terminal.parts["x"]).exp()
    steered = path("euler_maruyama", 2)
    weights = steered.log_weight(1.0, REWARD(steered.terminal.parts["x"])).exp()
    error = float(unsteered.std()) / COUNT**0.5
    assert float(weights.mean()) == pytest.approx(float(unsteered.mean()), abs=4 * error)


def test_a_control_that_reads_endpoints_cannot() -> None:
    class Reader:
        reads = "endpoint"

        def __call__(self, x: State, t: Tensor) -> Tensor:
            return x.parts["x"][:, 0]

    grid = SamplingOptions(steps=4).grid(MODEL.schedules)
    with pytest.raises(StateError, match="cannot look ahead"):
        simulate(MODEL, TensorState(torch.zeros(2, 1)), grid, control=Reader(), look_ahead=1)  # type: ignore[arg-type]
