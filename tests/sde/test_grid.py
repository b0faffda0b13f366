from __future__ import annotations

import pytest
import torch

from molvm.errors import ConfigError
from molvm.schedules import CosineSchedule, LinearSchedule, Schedules, VariancePreservingSchedule
from molvm.sde import start_time, time_grid, uniform_grid

LINEAR = Schedules({"x": LinearSchedule()})
FLOWMOL = Schedules({name: CosineSchedule(nu) for name, nu in zip("pacb", (1.0, 2.0, 2.0, 2.0), strict=True)})
PRESERVING = Schedules({"x": VariancePreservingSchedule()})


@pytest.mark.parametrize(("schedules", "expected"), [(LINEAR, 0.001), (FLOWMOL, 0.02014), (PRESERVING, 0.0)])
def test_start_is_where_the_most_advanced_modality_has_no_signal(schedules: Schedules, expected: float) -> None:
    assert start_time(schedules) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("schedules", [LINEAR, FLOWMOL, PRESERVING], ids=["linear", "flowmol", "preserving"])
@pytest.mark.parametrize("steps", [1, 2, 7, 20, 100, 250])
def test_grid_increases_to_one_without_long_steps(schedules: Schedules, steps: int) -> None:
    grid = time_grid(schedules, steps)
    assert grid.dtype == torch.float64
    assert grid.shape == (steps + 1,)
    assert float(grid[0]) == start_time(schedules)
    assert float(grid[-1]) == 1.0
    assert bool((grid.diff() > 0).all())
    assert float(grid.diff().max()) <= 1.51 / steps


@pytest.mark.parametrize("schedules", [LINEAR, FLOWMOL, PRESERVING], ids=["linear", "flowmol", "preserving"])
def test_relative_step_is_bounded_and_the_rest_uniform(schedules: Schedules) -> None:
    grid = time_grid(schedules, 100)
    kappa = torch.stack(list(schedules.collect(lambda schedule: schedule.kappa(grid[:-1])).values())).amax(dim=0)
    assert float((kappa * grid.diff()).max()) <= 0.2501
    late = grid.diff()[60:]
    assert float(late.max() / late.min()) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("schedules", [LINEAR, FLOWMOL, PRESERVING], ids=["linear", "flowmol", "preserving"])
def test_steps_are_shorter_where_the_grid_is_focused(schedules: Schedules) -> None:
    grid = time_grid(schedules, 120, window=(0.6, 0.8), focus=4.0)
    assert grid.shape == (121,)
    assert bool((grid.diff() > 0).all())
    middle = (grid[:-1] + grid[1:]) / 2
    inside, after = ((middle > low) & (middle < high) for low, high in ((0.61, 0.79), (0.84, 1.0)))
    assert float(grid.diff()[after].mean() / grid.diff()[inside].mean()) == pytest.approx(4.0, rel=1e-3)
    assert float(grid.diff()[inside].max() / grid.diff()[inside].min()) == pytest.approx(1.0, abs=1e-3)
    torch.testing.assert_close(time_grid(schedules, 30, window=(0.6, 0.8)), time_grid(schedules, 30), rtol=0, atol=0)


def test_uniform_grid_is_the_papers() -> None:
    torch.testing.assert_close(uniform_grid(100, 0.02), torch.linspace(0.02, 1, 101, dtype=torch.float64))


def test_bad_grids_are_refused() -> None:
    for bad in (lambda: time_grid(LINEAR, 0), lambda: uniform_grid(0, 0.1)):
        with pytest.raises(ConfigError, match="at least 1 step"):
            bad()
    with pytest.raises(ConfigError, match=r"starts at 1\.5"):
        uniform_grid(10, 1.5)
    with pytest.raises(ConfigError, match="noise is infinite"):
        time_grid(LINEAR, 10, start=0.0)
    with pytest.raises(ConfigError, match="relative step"):
        time_grid(LINEAR, 10, relative_step=0.0)
    with pytest.raises(ConfigError, match="focus"):
        time_grid(LINEAR, 10, focus=0.5)
    with pytest.raises(ConfigError, match="starting signal"):
        start_time(LINEAR, 1.0)
