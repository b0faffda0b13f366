"""T13: Adjoint Matching's Figure 2 as numbers (Domingo-Enrich et al. 2024, Thm. 1).

Base N(0.5, 0.7²), linear schedule, λr = −(3/2)(x − 1.5)², so p* = N(1.0951, 0.4454²). The process with a constant σ
remembers its start; its optimal control tilts p(x₁ | x₀) for each start separately, and the result is not p*.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.schedules import LinearSchedule, Schedules
from molvm.sde import Stepper, Transition, euler_maruyama, simulate, time_grid
from molvm.states import State

BASE = GaussianMixture.of([1.0], [[0.5]], [[0.49]])
MODEL = GaussianMixtureModel((BASE,), LinearSchedule())
REWARD = QuadraticReward((0.0,), 3.0, (1.5,))
TARGET = (1.0951, 0.4454)
COUNT = 8000


def with_noise_drift(sigma: float) -> Stepper:
    """Steps whose control acts as σu with u = −σ∇V, for a V of the constant-σ process itself."""

    def step(schedules: Schedules, t: Tensor, s: Tensor) -> Transition:
        plain = euler_maruyama(schedules, t, s, sigma=sigma)
        return replace(plain, shift={"x": torch.as_tensor(sigma**2) * (s - t)})

    return step


class OwnValue:
    """∇V of the constant-σ chain: x₁ given x_k is N(A_k x + c_k, P_k), by recursion from the end."""

    def __init__(self, grid: Tensor, sigma: float) -> None:
        self.grid, slope, offset, spread = grid, 1.0, 0.0, 0.0
        self.laws: dict[float, tuple[float, float, float]] = {}
        for t, s in zip(grid[:-1].flip(0), grid[1:].flip(0), strict=True):
            step = euler_maruyama(MODEL.schedules, t, s, sigma=sigma)
            alpha, beta = float(t), 1 - float(t)
            gain = alpha * 0.49 / (alpha**2 * 0.49 + beta**2)
            keep, pull, noise = (float(part["x"]) for part in (step.keep, step.pull, step.noise))
            offset += slope * pull * (0.5 - gain * alpha * 0.5)
            spread += slope**2 * noise**2
            slope *= keep + pull * gain
            self.laws[float(t)] = (slope, offset, spread)

    def gradient(self, x: State, t: Tensor) -> State:
        slope, offset, spread = self.laws[float(t[0])]
        return x.map(lambda part: 3 * slope * (slope * part + offset - 1.5) / (1 + 3 * spread))


def end(stepper: Stepper, control: object) -> tuple[float, float]:
    generator = torch.Generator().manual_seed(4)
    grid = time_grid(MODEL.schedules, 200)
    start = MODEL.noise(None, COUNT, generator)
    x = simulate(MODEL, start, grid, control=control, generator=generator, stepper=stepper).terminal.x  # type: ignore[arg-type]
    return float(x.mean()), float(x.std())


def test_the_target_is_the_stated_gaussian() -> None:
    law, _ = REWARD.tilt(BASE, 1.0)
    assert float(law.mean()) == pytest.approx(TARGET[0], abs=5e-5)
    assert float(law.covariance()) ** 0.5 == pytest.approx(TARGET[1], abs=5e-5)


@pytest.mark.parametrize(
    ("sigma", "mean", "deviation"), [(0.2, 0.612, 0.625), (0.5, 0.887, 0.484), (2.0, 1.0951, 0.4454)]
)
def test_constant_noise_shows_the_initial_value_bias(sigma: float, mean: float, deviation: float) -> None:
    grid = time_grid(MODEL.schedules, 200)
    found = end(with_noise_drift(sigma), OwnValue(grid, sigma))
    assert found[0] == pytest.approx(mean, abs=3 * deviation / COUNT**0.5 + 0.005)
    assert found[1] == pytest.approx(deviation, abs=3 * deviation / (2 * COUNT) ** 0.5 + 0.005)


def test_memoryless_noise_reaches_the_target() -> None:
    found = end(euler_maruyama, ExactValue(MODEL, REWARD, 1.0))
    assert found[0] == pytest.approx(TARGET[0], abs=3 * TARGET[1] / COUNT**0.5 + 0.005)
    assert found[1] == pytest.approx(TARGET[1], abs=3 * TARGET[1] / (2 * COUNT) ** 0.5 + 0.005)


@pytest.mark.parametrize("noise", [{"sigma": 0.2}, {"noise_level": 0.0}], ids=str)
def test_the_memoryless_value_steers_any_noise_to_the_target(noise: dict[str, float]) -> None:
    """With the drift −(σ²/2 + η)∇V; at σ = 0.2 the process's own optimal control ends at 0.612 instead."""
    found = end(partial(euler_maruyama, **noise), ExactValue(MODEL, REWARD, 1.0))  # type: ignore[arg-type]
    assert found[0] == pytest.approx(TARGET[0], abs=3 * TARGET[1] / COUNT**0.5 + 0.01)
    assert found[1] == pytest.approx(TARGET[1], abs=3 * TARGET[1] / (2 * COUNT) ** 0.5 + 0.01)
