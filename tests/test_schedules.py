from __future__ import annotations

import math

import pytest
import torch

from molvm.errors import ConfigError
from molvm.schedules import (
    CosineSchedule,
    LinearSchedule,
    Schedule,
    Schedules,
    ShiftedSchedule,
    TrainedSchedule,
    VariancePreservingSchedule,
)

CONVEX = [LinearSchedule(), CosineSchedule(1.0), CosineSchedule(2.0), CosineSchedule(0.7), ShiftedSchedule(3.0)]
TRAINED = TrainedSchedule((5.0, 3.0, 2.0, 1.0, 0.6, 0.2, 0.04, 0.0))
ALL = [*CONVEX, VariancePreservingSchedule(), TRAINED]
TIMES = torch.linspace(0.02, 0.98, 49, dtype=torch.float64)


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_derivatives(schedule: Schedule) -> None:
    for value, derivative in ((schedule.alpha, schedule.alpha_dot), (schedule.beta, schedule.beta_dot)):
        t = TIMES.clone().requires_grad_()
        (expected,) = torch.autograd.grad(value(t).sum(), t)
        torch.testing.assert_close(derivative(TIMES), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_eta_by_its_definition(schedule: Schedule) -> None:
    beta = schedule.beta(TIMES)
    expected = beta * (schedule.kappa(TIMES) * beta - schedule.beta_dot(TIMES))
    torch.testing.assert_close(schedule.eta(TIMES), expected, rtol=1e-9, atol=1e-12)
    assert torch.equal(schedule.sigma_squared(TIMES), 2 * schedule.eta(TIMES))


@pytest.mark.parametrize("schedule", ALL[:-1], ids=str)
def test_variance_to_go_is_the_integral(schedule: Schedule) -> None:
    for start in (0.05, 0.4, 0.9):
        # Midpoints: η is not evaluated at t = 1, where some formulas divide zero by zero.
        edges = torch.linspace(start, 1, 20001, dtype=torch.float64)
        integral = (schedule.sigma_squared((edges[1:] + edges[:-1]) / 2) * edges.diff()).sum() / 2
        torch.testing.assert_close(schedule.half_variance_to_go(edges[0]), integral, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("schedule", CONVEX, ids=str)
def test_ends_and_convexity(schedule: Schedule) -> None:
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(schedule.alpha(ends), ends, atol=1e-15, rtol=0)
    torch.testing.assert_close(schedule.beta(ends), 1 - ends, atol=1e-15, rtol=0)
    torch.testing.assert_close(schedule.alpha(TIMES) + schedule.beta(TIMES), torch.ones_like(TIMES))


def test_variance_preserving_keeps_variance_and_almost_forgets() -> None:
    schedule = VariancePreservingSchedule()
    torch.testing.assert_close(schedule.alpha(TIMES) ** 2 + schedule.beta(TIMES) ** 2, torch.ones_like(TIMES))
    assert 0 < float(schedule.alpha(torch.zeros(()))) < 0.01


def test_a_trained_schedule_knows_its_times() -> None:
    """Seven times, 6 to 0, and then the data; between them −ln α is linear."""
    t = torch.arange(8, dtype=torch.float64) / 7
    assert TRAINED.step_of(t).tolist() == [6, 5, 4, 3, 2, 1, 0, 0]
    assert torch.equal(TRAINED.step_of(t.float()), TRAINED.step_of(t))
    torch.testing.assert_close(TRAINED.alpha(t), torch.exp(-torch.tensor(TRAINED.exponents, dtype=torch.float64)))
    torch.testing.assert_close(TRAINED.half_variance_to_go(t[:1] + 1 / 14), torch.tensor([4.0], dtype=torch.float64))
    assert Schedules({"x": LinearSchedule(), "y": TRAINED}).trained_steps == 7
    assert Schedules({"x": LinearSchedule()}).trained_steps is None
    assert ShiftedSchedule(3.0).beta(torch.tensor(0.5)) == pytest.approx(0.75)


@pytest.mark.parametrize("exponents", [(1.0,), (1.0, 2.0, 0.0), (1.0, 0.5), (math.inf, 0.0)])
def test_what_is_no_trained_schedule_is_refused(exponents: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="grows with time"):
        TrainedSchedule(exponents)


def test_value_weight_is_the_mean_over_modalities() -> None:
    t = torch.tensor([0.3], dtype=torch.float64)
    schedules = Schedules({name: CosineSchedule(nu) for name, nu in zip("pacb", (1.0, 2.0, 2.0, 2.0), strict=True)})
    # FlowMol's exponents at t = .3: 0.330 for the mean of weights, not .294 (mean of integrals).
    assert float(schedules.value_weight(t)) == pytest.approx(0.330, abs=5e-4)
    alpha = schedules.by_modality["p"].alpha(t)
    single = Schedules({"p": CosineSchedule(1.0)}).value_weight(t)
    torch.testing.assert_close(single, 1 / (alpha - torch.log(alpha)))


def test_value_weight_ends() -> None:
    schedules = Schedules({"x": LinearSchedule()})
    assert schedules.value_weight(torch.tensor([0.0, 1.0])).tolist() == [0.0, 1.0]
    assert torch.equal(schedules.most_advanced_alpha(TIMES), TIMES)


@pytest.mark.parametrize("nu", [0.0, -1.0, math.nan, math.inf])
def test_bad_exponents_are_refused(nu: float) -> None:
    with pytest.raises(ConfigError, match="ν"):
        CosineSchedule(nu)
