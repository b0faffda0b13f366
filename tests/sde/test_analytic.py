"""The analytic-variance step: exact on isotropic Gaussians, in any number of steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from molvm.errors import StateError
from molvm.models.isotropic import IsotropicGaussianModel
from molvm.models.spread import PosteriorSpread, measure_spread
from molvm.schedules import CosineSchedule, LinearSchedule, Schedule, Schedules, VariancePreservingSchedule
from molvm.sde import euler_maruyama, simulate, uniform_grid
from molvm.sde.analytic import analytic_variance
from molvm.states import MoleculeState, TensorState

SCHEDULES = [LinearSchedule(), CosineSchedule(1.0), CosineSchedule(2.0), VariancePreservingSchedule()]


def gaussian(schedule: Schedule, deviation: float = 0.7) -> IsotropicGaussianModel[TensorState]:
    mean = TensorState(torch.tensor([[1.0, -2.0]], dtype=torch.float64))
    return IsotropicGaussianModel(mean, {"x": deviation}, Schedules({"x": schedule}))


def exact_spread(model: IsotropicGaussianModel[TensorState], times: Tensor) -> PosteriorSpread:
    values = [float(model.posterior_variance(t)["x"]) for t in times]
    return PosteriorSpread(tuple(times.tolist()), {"x": tuple(values)})


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("steps", [1, 3, 20])
def test_the_marginals_of_an_isotropic_gaussian_are_exact(schedule: Schedule, steps: int) -> None:
    """Mean α_t m and variance α_t² s² + β_t² at every time, from t = 0 on."""
    model, grid = gaussian(schedule), torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    stepper = analytic_variance(exact_spread(model, grid))
    alpha, beta = schedule.alpha(grid), schedule.beta(grid)
    mean, variance = alpha[0] * 1.0, alpha[0] ** 2 * 0.49 + beta[0] ** 2
    for k in range(steps):
        step = stepper(model.schedules, grid[k], grid[k + 1])
        gain = alpha[k] * 0.49 / (alpha[k] ** 2 * 0.49 + beta[k] ** 2)
        slope = step.keep["x"] + step.pull["x"] * gain
        mean = slope * mean + step.pull["x"] * (1 - gain * alpha[k])
        variance = slope**2 * variance + step.noise["x"] ** 2
        torch.testing.assert_close(mean, alpha[k + 1])
        torch.testing.assert_close(variance, alpha[k + 1] ** 2 * 0.49 + beta[k + 1] ** 2)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_short_steps_are_those_of_euler_and_maruyama(schedule: Schedule) -> None:
    t = torch.tensor(0.4, dtype=torch.float64)
    stepper = analytic_variance(PosteriorSpread((0.0, 1.0), {"x": (1.0, 0.0)}))
    schedules, s = Schedules({"x": schedule}), t + 1e-6
    ours, theirs = stepper(schedules, t, s), euler_maruyama(schedules, t, s)
    for name in ("pull", "shift"):
        torch.testing.assert_close(getattr(ours, name)["x"], getattr(theirs, name)["x"], rtol=1e-4, atol=0)
    torch.testing.assert_close(ours.noise["x"] ** 2, theirs.noise["x"] ** 2, rtol=1e-4, atol=0)
    torch.testing.assert_close(ours.keep["x"] - 1, theirs.keep["x"] - 1, rtol=1e-4, atol=0)


def test_steps_made_at_once_are_those_made_one_by_one() -> None:
    """From t = 0 on, where the control cannot act."""
    stepper = analytic_variance(PosteriorSpread((0.0, 0.5, 1.0), {"x": (1.0, 0.7, 0.0)}))
    schedules, grid = Schedules({"x": CosineSchedule(1.0)}), torch.linspace(0, 1, 6, dtype=torch.float64)
    together = stepper(schedules, grid[:-1], grid[1:]).steps()
    assert together[0].shift == {"x": 0.0}
    for k, step in enumerate(together):
        alone = stepper(schedules, grid[k], grid[k + 1])
        for name in ("keep", "pull", "shift", "noise"):
            assert getattr(step, name)["x"] == pytest.approx(float(getattr(alone, name)["x"]))


def test_the_control_is_a_move_of_the_endpoint() -> None:
    t, s = torch.tensor(0.3, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64)
    stepper = analytic_variance(PosteriorSpread((0.0, 1.0), {"x": (1.0, 0.0)}))
    for schedule in SCHEDULES:
        step = stepper(Schedules({"x": schedule}), t, s)
        torch.testing.assert_close(step.pull["x"] * schedule.beta(t) ** 2 / schedule.alpha(t), step.shift["x"])


@pytest.mark.parametrize("schedule", [LinearSchedule(), CosineSchedule(1.0)], ids=str)
@pytest.mark.parametrize("steps", [10, 20])
def test_the_exact_control_of_a_linear_reward_tilts_as_it_should(schedule: Schedule, steps: int) -> None:
    """r = x and V = −λ x̂₁ + c move the mean by λ s², however few the steps; a naive shift by −Σ ∇V would fall short."""
    model, grid = gaussian(schedule), torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    stepper = analytic_variance(exact_spread(model, grid))
    alpha, beta = schedule.alpha(grid), schedule.beta(grid)
    moved = torch.zeros((), dtype=torch.float64)
    for k in range(steps):
        step = stepper(model.schedules, grid[k], grid[k + 1])
        gain = alpha[k] * 0.49 / (alpha[k] ** 2 * 0.49 + beta[k] ** 2)
        moved = (step.keep["x"] + step.pull["x"] * gain) * moved + step.shift["x"] * gain
    assert float(moved) == pytest.approx(0.49, rel=0.01)


def test_the_measured_spread_of_a_gaussian_is_its_posterior_variance() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = torch.tensor([4, 7])
    origin = MoleculeState.zeros(sizes, 3, 2, 4, dtype=torch.float64)
    deviations = {"positions": 1.3, "types": 0.4, "charges": 0.2, "bonds": 0.6}
    schedules = Schedules({name: CosineSchedule(1.5) for name in deviations})
    model = IsotropicGaussianModel(origin, deviations, schedules)
    samples = model.mean_given(sizes.repeat(2000), 4000).randn_like(generator).scale(deviations)
    times = (0.0, 0.3, 0.7)
    found = measure_spread(model, samples, times, generator)
    assert found.times == (*times, 1.0)
    for k, time in enumerate(times):
        expected = model.posterior_variance(torch.tensor(time, dtype=torch.float64))
        for name, values in found.variances.items():
            # The narrowest modality, charges, has 4000 · 11 degrees of freedom: 3 standard errors are 2 %.
            assert values[k] == pytest.approx(float(expected[name]), rel=0.03)
            assert values[-1] == 0


def test_few_steps_are_enough_for_the_law_of_a_gaussian() -> None:
    generator = torch.Generator().manual_seed(1)
    model, grid = gaussian(CosineSchedule(1.0)), uniform_grid(6, 0.0)
    noise = model.noise(None, 20_000, generator)
    stepper = analytic_variance(exact_spread(model, grid))
    samples = simulate(model, noise, grid, generator=generator, stepper=stepper).terminal.parts["x"]
    torch.testing.assert_close(samples.mean(dim=0), model.mean.parts["x"][0], rtol=0, atol=4 * 0.7 / 20_000**0.5)
    torch.testing.assert_close(samples.std(dim=0), samples.new_full((2,), 0.7), rtol=0, atol=4 * 0.7 / 40_000**0.5)


def test_round_trip() -> None:
    spread = PosteriorSpread((0.0, 0.5, 1.0), {"x": (1.0, 0.3, 0.0)})
    assert PosteriorSpread.from_dict(spread.to_dict()) == spread
    assert float(spread.at(torch.tensor(0.25))["x"]) == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("times", "variances"),
    [((0.0, 0.5), (1.0, 0.0)), ((0.0, 1.0), (1.0,)), ((0.0, 1.0), (-1.0, 0.0)), ((0.1, 1.0), (1.0, 0.0))],
)
def test_bad_tables_are_refused(times: tuple[float, ...], variances: tuple[float, ...]) -> None:
    with pytest.raises(StateError, match="A spread has"):
        PosteriorSpread(times, {"x": variances})
