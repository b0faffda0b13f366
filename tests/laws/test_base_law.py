"""The uncontrolled SDE ends at the data's law and forgets where it began."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
import torch

from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.schedules import CosineSchedule, LinearSchedule, Schedule, Schedules, VariancePreservingSchedule
from molvm.sde import euler_maruyama, simulate, time_grid, uniform_grid

GAUSSIAN = GaussianMixture.of([1.0], [[1.0, -0.5]], [[[0.49, 0.2], [0.2, 0.3]]])
MIXTURE = GaussianMixture.of([0.3, 0.7], [[-1.5, 0.0], [1.0, 0.5]], [[0.2, 0.4], [0.3, 0.1]])
SCHEDULES = [LinearSchedule(), CosineSchedule(1.0), CosineSchedule(2.0)]
COUNT = 4000


@pytest.mark.parametrize("law", [GAUSSIAN, MIXTURE], ids=["gaussian", "mixture"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_terminal_mean_covariance_and_independence_of_the_start(law: GaussianMixture, schedule: Schedule) -> None:
    """On the default grid, within 3 standard errors of 4 000 samples, without a fitted tolerance."""
    model = GaussianMixtureModel((law,), schedule)
    generator = torch.Generator().manual_seed(0)
    start = model.noise(None, COUNT, generator)
    end = simulate(model, start, time_grid(model.schedules, 100), generator=generator, keep_states=False).terminal.x
    offset = end - law.mean()
    mean_error = law.covariance().diagonal().sqrt() / COUNT**0.5
    assert bool((offset.mean(0).abs() < 3 * mean_error).all())
    products = offset[:, :, None] * offset[:, None, :]
    covariance_error = products.std(0) / COUNT**0.5
    assert bool(((products.mean(0) - law.covariance()).abs() < 3 * covariance_error).all())
    correlation = torch.corrcoef(torch.cat([start.x, end], dim=1).T)[:2, 2:]
    assert float(correlation.abs().max()) < 3 / COUNT**0.5


def exact_chain(
    schedule: Schedule, grid: torch.Tensor, exact_increments: bool = True
) -> tuple[float, float, float, float]:
    """Terminal mean and deviation of the chain on N(1, 0.7²), Cov(x₀, x₁), and the worst excess of variance."""
    variance, mean = 0.49, 1.0
    m, v, memory, excess = 0.0, 1.0, 1.0, 0.0
    for t, s in pairwise(grid):
        step = euler_maruyama(Schedules({"x": schedule}), t, s, exact_increments=exact_increments)
        alpha, beta = float(schedule.alpha(t)), float(schedule.beta(t))
        gain = alpha * variance / (alpha**2 * variance + beta**2)
        keep, pull = float(step.keep["x"]), float(step.pull["x"])
        slope = keep + pull * gain
        m = slope * m + pull * (mean - gain * alpha * mean)
        v = slope**2 * v + float(step.noise["x"]) ** 2
        memory *= slope
        after = float(schedule.alpha(s)) ** 2 * variance + float(schedule.beta(s)) ** 2
        excess = max(excess, v / after)
    return m, v**0.5, memory, excess


@pytest.mark.parametrize("schedule", [*SCHEDULES, VariancePreservingSchedule()], ids=str)
def test_the_chain_itself_is_right_to_half_a_percent(schedule: Schedule) -> None:
    """No sampling noise: the law of the chain by recursion, 100 steps on the default grid."""
    mean, deviation, memory, excess = exact_chain(schedule, time_grid(Schedules({"x": schedule}), 100))
    assert mean == pytest.approx(1.0, abs=5e-4)
    assert deviation == pytest.approx(0.7, rel=5e-3)
    # A variance-preserving schedule begins with α = 0.0066, so it cannot forget more than that.
    assert abs(memory) < 3e-3
    assert excess < 1.2


def test_steps_by_rates_make_samples_of_curved_schedules_too_large() -> None:
    """Why increments are the default: +0.8 % on the cosine schedule, nothing on the linear one."""
    for schedule in (CosineSchedule(1.0), CosineSchedule(2.0)):
        grid = time_grid(Schedules({"x": schedule}), 100)
        by_rates, by_increments = exact_chain(schedule, grid, False), exact_chain(schedule, grid, True)
        assert by_rates[0] > 1.007
        assert abs(by_increments[0] - 1) < 1e-3
        assert abs(by_increments[1] - 0.7) < abs(by_rates[1] - 0.7) / 3
    linear = time_grid(Schedules({"x": LinearSchedule()}), 100)
    assert exact_chain(LinearSchedule(), linear, False)[0] == pytest.approx(1.0, abs=1e-5)


def test_equal_steps_blow_up_the_first_states() -> None:
    """Why the grid grows: the paper's grid makes the variance of a ν = 2 modality 25 times too large at its start."""
    schedule = CosineSchedule(2.0)
    assert exact_chain(schedule, uniform_grid(100, 0.02))[3] > 20
    assert exact_chain(schedule, time_grid(Schedules({"x": schedule}), 100))[3] < 1.2
    assert exact_chain(LinearSchedule(), uniform_grid(100, 0.001))[3] > 50


@pytest.mark.parametrize("noise_level", [0.0, 0.5])
def test_other_noise_levels_keep_the_marginals(noise_level: float) -> None:
    model = GaussianMixtureModel((MIXTURE,), LinearSchedule())
    generator = torch.Generator().manual_seed(1)
    start = model.noise(None, COUNT, generator)
    stepper = partial(euler_maruyama, noise_level=noise_level)
    end = simulate(model, start, time_grid(model.schedules, 100), generator=generator, stepper=stepper).terminal.x
    offset = end - MIXTURE.mean()
    error = MIXTURE.covariance().diagonal().sqrt() / COUNT**0.5
    assert bool((offset.mean(0).abs() < 3 * error).all())
    torch.testing.assert_close(torch.cov(end.T), MIXTURE.covariance(), rtol=0.06, atol=0.03)
