from __future__ import annotations

import math

import pytest
import torch

from molvm.errors import ConfigError
from molvm.schedules import CosineSchedule, LinearSchedule, Schedule, Schedules, VariancePreservingSchedule
from molvm.sde import euler_maruyama

SCHEDULES = [LinearSchedule(), CosineSchedule(1.0), CosineSchedule(2.0), VariancePreservingSchedule()]


def at(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize(
    "noise", [{"noise_level": 1.0}, {"noise_level": 0.5}, {"noise_level": 0.0}, {"sigma": 0.3}], ids=str
)
def test_small_steps_follow_the_sde(schedule: Schedule, noise: dict[str, float]) -> None:
    """Drift κx + (σ²/2 + η)(s − ∇V) and variance σ² per unit of time, by the definitions."""
    t, dt, x, endpoint, gradient = at(0.4), 1e-7, 0.7, -1.1, 0.9
    alpha, beta, kappa, eta = (float(f(t)) for f in (schedule.alpha, schedule.beta, schedule.kappa, schedule.eta))
    variance = noise["sigma"] ** 2 if "sigma" in noise else 2 * eta * noise["noise_level"] ** 2
    score = (alpha * endpoint - x) / beta**2
    expected = kappa * x + (variance / 2 + eta) * (score - gradient)
    for exact in (True, False):
        step = euler_maruyama(Schedules({"x": schedule}), t, t + dt, exact_increments=exact, **noise)
        moved = step.keep["x"] * x + step.pull["x"] * endpoint - step.shift["x"] * gradient
        assert float(moved - x) / dt == pytest.approx(expected, rel=1e-5)
        assert float(step.noise["x"]) ** 2 / dt == pytest.approx(variance, rel=1e-5)


def test_memoryless_control_is_a_move_of_the_endpoint() -> None:
    """pull · (β²/α) = shift, so −shift ∇V is the step with the endpoint at x̂ − (β²/α) ∇V."""
    for schedule in SCHEDULES:
        step = euler_maruyama(Schedules({"x": schedule}), at(0.3), at(0.35))
        moved = step.pull["x"] * schedule.beta(at(0.3)) ** 2 / schedule.alpha(at(0.3))
        torch.testing.assert_close(moved, step.shift["x"])


def test_exact_increments_are_the_linear_step_in_the_schedules_own_clock() -> None:
    schedule = CosineSchedule(2.0)
    curved = euler_maruyama(Schedules({"x": schedule}), at(0.5), at(0.6))
    straight = euler_maruyama(Schedules({"x": LinearSchedule()}), schedule.alpha(at(0.5)), schedule.alpha(at(0.6)))
    for name in ("keep", "pull", "shift", "noise"):
        torch.testing.assert_close(getattr(curved, name)["x"], getattr(straight, name)["x"])


def test_both_kinds_agree_on_the_linear_schedule() -> None:
    schedules = Schedules({"x": LinearSchedule()})
    exact, plain = (euler_maruyama(schedules, at(0.2), at(0.25), exact_increments=flag) for flag in (True, False))
    for name in ("keep", "pull", "shift", "noise"):
        torch.testing.assert_close(getattr(exact, name)["x"], getattr(plain, name)["x"])


@pytest.mark.parametrize("noise_level", [1.0, 0.0])
def test_steps_made_at_once_are_those_made_one_by_one(noise_level: float) -> None:
    schedules = Schedules({"x": LinearSchedule(), "y": CosineSchedule(2.0)})
    grid = torch.linspace(0.01, 1, 8, dtype=torch.float64)
    together = euler_maruyama(schedules, grid[:-1], grid[1:], noise_level=noise_level).steps()
    assert len(together) == 7
    for k, step in enumerate(together):
        alone = euler_maruyama(schedules, grid[k], grid[k + 1], noise_level=noise_level)
        for name in ("keep", "pull", "shift", "noise"):
            assert getattr(step, name) == pytest.approx(
                {key: float(each) for key, each in getattr(alone, name).items()}
            )


def test_the_last_step_is_finite() -> None:
    for schedule in SCHEDULES:
        step = euler_maruyama(Schedules({"x": schedule}), at(0.99), at(1.0))
        assert all(math.isfinite(float(value["x"])) for value in (step.keep, step.pull, step.shift, step.noise))


@pytest.mark.parametrize("noise", [{"noise_level": -1.0}, {"noise_level": math.nan}, {"sigma": math.inf}], ids=str)
def test_bad_noise_is_refused(noise: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="noise level"):
        euler_maruyama(Schedules({"x": LinearSchedule()}), at(0.1), at(0.2), **noise)
