"""Steps of DDIM: what they leave alone, what they agree with, and how a control moves them."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from molvm.errors import ConfigError
from molvm.models.isotropic import IsotropicGaussianModel
from molvm.schedules import CosineSchedule, LinearSchedule, Schedule, Schedules, VariancePreservingSchedule
from molvm.sde import ddim, euler_maruyama, simulate, uniform_grid
from molvm.states import TensorState

SCHEDULES = [LinearSchedule(), CosineSchedule(2.0), VariancePreservingSchedule()]
T, S = (torch.tensor(time, dtype=torch.float64) for time in (0.3, 0.55))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_a_certain_endpoint_keeps_its_noised_law(schedule: Schedule, eta: float) -> None:
    """From α x̂ + β ε to α_s x̂ + β_s ε, whatever η, and however long the step."""
    step = ddim(Schedules({"x": schedule}), T, S, noise_level=eta)
    mean = step.keep["x"] * schedule.alpha(T) + step.pull["x"]
    variance = (step.keep["x"] * schedule.beta(T)) ** 2 + step.noise["x"] ** 2
    torch.testing.assert_close(mean, schedule.alpha(S))
    torch.testing.assert_close(variance, schedule.beta(S) ** 2)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_without_noise_it_is_the_ode_of_exact_increments(schedule: Schedule) -> None:
    ours = ddim(Schedules({"x": schedule}), T, S, noise_level=0.0)
    euler = euler_maruyama(Schedules({"x": schedule}), T, S, noise_level=0.0)
    for part in ("keep", "pull", "shift", "noise"):
        torch.testing.assert_close(getattr(ours, part)["x"], getattr(euler, part)["x"])


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_short_steps_are_those_of_the_sde(schedule: Schedule, eta: float) -> None:
    s = T + 1e-5
    ours, euler = (step(Schedules({"x": schedule}), T, s, noise_level=eta) for step in (ddim, partial(euler_maruyama)))
    torch.testing.assert_close(ours.shift["x"], euler.shift["x"], rtol=1e-3, atol=0)
    torch.testing.assert_close(ours.noise["x"], euler.noise["x"], rtol=1e-3, atol=1e-12)


def test_it_starts_at_pure_noise_where_no_control_can_act() -> None:
    step = ddim(Schedules({"x": LinearSchedule()}), torch.zeros((), dtype=torch.float64), S)
    assert [float(part["x"]) for part in (step.keep, step.pull, step.shift, step.noise)] == pytest.approx(
        [0.0, 0.55, 0.0, 0.45]
    )


def test_the_last_step_has_no_noise_and_so_no_control_at_a_finite_cost() -> None:
    end = torch.ones((), dtype=torch.float64)
    last, ode = (ddim(Schedules({"x": VariancePreservingSchedule()}), T, end, noise_level=eta) for eta in (1.0, 0.0))
    assert (float(last.noise["x"]), float(last.shift["x"])) == (0.0, 0.0)
    assert float(ode.shift["x"]) > 0


def test_a_steered_path_costs_what_girsanov_says() -> None:
    """Paths with exact weights: of all weights exp(−½|w|² − w·ε) the mean is 1, the last step included."""
    mean = TensorState(torch.tensor([[0.5]], dtype=torch.float64))
    model = IsotropicGaussianModel(mean, {"x": 0.6}, Schedules({"x": VariancePreservingSchedule()}))

    class Pull:
        def gradient(self, x: TensorState, t: torch.Tensor) -> TensorState:
            return x.replace({"x": torch.full_like(x.x, -0.2)})

    generator = torch.Generator().manual_seed(0)
    x = TensorState(torch.randn(20_000, 1, generator=generator, dtype=torch.float64))
    path = simulate(model, x, uniform_grid(12, 0.0), control=Pull(), generator=generator, stepper=ddim)
    assert bool(path.path_cost.isfinite().all())
    assert float(path.log_weight(0.0, torch.zeros(20_000)).exp().mean()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("eta", [-0.1, 1.1, float("nan")])
def test_levels_out_of_range_are_refused(eta: float) -> None:
    with pytest.raises(ConfigError, match="noise level"):
        ddim(Schedules({"x": LinearSchedule()}), T, S, noise_level=eta)
