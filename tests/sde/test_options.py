from __future__ import annotations

from typing import Any

import pytest
import torch

from molvm.errors import ConfigError, ModelError
from molvm.models.isotropic import IsotropicGaussianModel
from molvm.schedules import LinearSchedule, Schedules, TrainedSchedule
from molvm.sde import SamplingOptions, time_grid
from molvm.states import TensorState

SCHEDULES = Schedules({"x": LinearSchedule()})


def test_the_default_is_the_plain_grid_steered_all_the_way() -> None:
    options = SamplingOptions(steps=20)
    torch.testing.assert_close(options.grid(SCHEDULES), time_grid(SCHEDULES, 20), rtol=0, atol=0)
    assert bool((options.allowance(options.grid(SCHEDULES)) == torch.inf).all())


def test_focus_is_on_the_window() -> None:
    grid = SamplingOptions(steps=60, steer_from=0.5, steer_until=0.7, focus=3.0).grid(SCHEDULES)
    torch.testing.assert_close(grid, time_grid(SCHEDULES, 60, window=(0.5, 0.7), focus=3.0), rtol=0, atol=0)


def test_the_limit_is_spread_over_the_window() -> None:
    options = SamplingOptions(steps=60, steer_from=0.5, steer_until=0.7, focus=3.0, kl_limit=8.0)
    grid = options.grid(SCHEDULES)
    allowance, steered = options.allowance(grid), (grid[:-1] >= 0.5) & (grid[:-1] <= 0.7)
    assert not bool(allowance[~steered].any())
    torch.testing.assert_close(allowance.sum(), torch.tensor(8.0, dtype=torch.float64))
    torch.testing.assert_close(
        allowance[steered] / grid.diff()[steered], torch.full((int(steered.sum()),), 8 / 0.2).double(), rtol=0.1, atol=0
    )


def test_a_window_between_two_steps_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"None of 4 steps begins between t = 0.9 and 0.91"):
        SamplingOptions(steps=4, steer_from=0.9, steer_until=0.91).grid(SCHEDULES)


def test_analytic_steps_begin_at_zero_and_are_equal() -> None:
    options = SamplingOptions(steps=8, transition="analytic_variance")
    torch.testing.assert_close(options.grid(SCHEDULES), torch.linspace(0, 1, 9, dtype=torch.float64))
    grid = SamplingOptions(steps=40, steer_from=0.5, steer_until=0.7, focus=3.0, transition="analytic_variance").grid(
        SCHEDULES
    )
    inside = (grid[:-1] >= 0.5) & (grid[1:] <= 0.7)
    outside = (grid[1:] < 0.5) | (grid[:-1] > 0.7)
    assert float(grid[0]) == 0
    assert float(grid.diff()[outside].mean() / grid.diff()[inside].mean()) == pytest.approx(3, rel=0.05)


def test_a_grid_of_a_trained_model_has_its_times_alone() -> None:
    trained = Schedules({"x": TrainedSchedule(tuple(5.0 * (1 - k / 40) ** 2 for k in range(41)))})
    for options in (SamplingOptions(steps=10), SamplingOptions(steps=10, transition="ddim")):
        torch.testing.assert_close(options.grid(trained), torch.linspace(0, 1, 11, dtype=torch.float64))
    uneven = SamplingOptions(steps=7, steer_from=0.4, steer_until=0.8, focus=2.0).grid(trained) * 40
    assert torch.equal(uneven, uneven.round())
    with pytest.raises(ConfigError, match="41 steps do not fit onto the 40 times"):
        SamplingOptions(steps=41).grid(trained)


def test_analytic_steps_need_the_spread_of_the_model() -> None:
    options = SamplingOptions(transition="analytic_variance")
    model = IsotropicGaussianModel(TensorState(torch.zeros(1, 2)), {"x": 1.0}, SCHEDULES)
    with pytest.raises(ModelError, match="models calibrate"):
        options.stepper(model)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steer_from": 0.8, "steer_until": 0.4}, "from t = 0.8 to 0.4"),
        ({"steer_from": float("nan")}, "from t = nan"),
        ({"steer_until": 1.5}, "to 1.5"),
        ({"focus": 0.9}, "focus is 0.9"),
        ({"focus": float("inf")}, "focus is inf"),
        ({"focus": 21.0}, "focus is 21"),
        ({"kl_limit": 0.0}, "kl_limit is 0"),
        ({"look_ahead": -1}, "look_ahead is -1"),
        ({"look_ahead": 5}, "look_ahead is 5"),
        ({"look_ahead": 1, "noise_level": 0.5}, "look_ahead is 1 and the noise level 0.5"),
        ({"kl_limit": float("nan")}, "kl_limit is nan"),
        ({"noise_level": 1.5, "transition": "ddim"}, "noise level is 1.5"),
        ({"transition": "leapfrog"}, "transition is 'leapfrog'"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SamplingOptions(**wrong)


@pytest.mark.parametrize("level", [-0.1, float("inf"), float("nan")])
def test_senseless_noise_is_refused(level: float) -> None:
    with pytest.raises(ConfigError, match="noise level"):
        SamplingOptions(noise_level=level)


def test_analytic_steps_have_their_own_noise() -> None:
    with pytest.raises(ConfigError, match="analytic_variance"):
        SamplingOptions(noise_level=0.5, transition="analytic_variance")


def test_no_noise_has_no_limit() -> None:
    with pytest.raises(ConfigError, match="kl_limit"):
        SamplingOptions(noise_level=0.0, kl_limit=5.0)


def test_at_another_noise_nothing_looks_ahead() -> None:
    options = SamplingOptions(look_ahead=2)
    assert options.with_noise(1.0) == options
    assert options.with_noise(0.5) == SamplingOptions(noise_level=0.5)
