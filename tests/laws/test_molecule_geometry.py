"""The SDE on molecule states has the right geometry: unit variances, KL with each bond once, log Z given N."""

from __future__ import annotations

import pytest
import torch

from molvm.models.isotropic import IsotropicGaussianModel, LinearValue
from molvm.objectives import path_diagnostics
from molvm.schedules import CosineSchedule, Schedules
from molvm.sde import simulate, time_grid
from molvm.states import MoleculeState

DEVIATIONS = {"positions": 1.2, "types": 0.5, "charges": 0.4, "bonds": 0.7}
NUS = {"positions": 1.0, "types": 2.0, "charges": 2.0, "bonds": 2.0}
SIZES = torch.tensor([2, 5])
COUNT = 3000


def at_each_size(seed: int, scale: float) -> MoleculeState:
    origin = MoleculeState.zeros(SIZES, 3, 2, 2, dtype=torch.float64)
    return origin.randn_like(torch.Generator().manual_seed(seed)).scale(scale)


MODEL = IsotropicGaussianModel(
    at_each_size(0, 0.8), DEVIATIONS, Schedules({name: CosineSchedule(nu) for name, nu in NUS.items()})
)
VALUE = LinearValue(MODEL, at_each_size(1, 0.5), 0.8)


@pytest.fixture(scope="module")
def paths() -> tuple[object, object]:
    generator = torch.Generator().manual_seed(2)
    condition = SIZES.repeat_interleave(COUNT)
    start = MODEL.noise(condition, 2 * COUNT, generator)
    grid = time_grid(MODEL.schedules, 100)
    base = simulate(MODEL, start, grid, generator=generator, keep_states=False)
    steered = simulate(MODEL, start, grid, control=VALUE, generator=generator, keep_states=False)  # type: ignore[arg-type]
    return base, steered


def test_every_degree_of_freedom_has_its_variance(paths) -> None:
    end = paths[0].terminal
    offset = end - MODEL.mean_given(end.condition, len(end))
    dimensions = end.degrees_of_freedom()
    for name, squared in offset.inner_by_modality(offset).items():
        for size in SIZES.tolist():
            chosen = end.n_atoms == size
            d, variance = int(dimensions[name][chosen][0]), DEVIATIONS[name] ** 2
            expected, error = d * variance, variance * (2 * d / COUNT) ** 0.5
            # 1 % for the steps: at 100 of them the chain's own deviation is up to 0.3 % off.
            assert float(squared[chosen].mean()) == pytest.approx(expected, abs=3 * error + 0.01 * expected), name


def test_paths_stay_in_the_space(paths) -> None:
    for path in paths:
        end = path.terminal
        for name, part in end.project().parts.items():
            torch.testing.assert_close(part, end.parts[name], rtol=0, atol=1e-11)


def test_the_reward_moves_every_modality_by_lambda_times_its_variance(paths) -> None:
    end = paths[1].terminal
    offset = end - MODEL.mean_given(end.condition, len(end))
    direction = VALUE.direction.select((end.n_atoms == SIZES[1]).long())
    for name, product in offset.inner_by_modality(direction).items():
        for size in SIZES.tolist():
            chosen = end.n_atoms == size
            squared = float(direction.inner_by_modality(direction)[name][chosen][0])
            if squared == 0:
                continue
            expected = VALUE.strength * DEVIATIONS[name] ** 2 * squared
            error = DEVIATIONS[name] * (squared / COUNT) ** 0.5
            assert float(product[chosen].mean()) == pytest.approx(expected, abs=3 * error + 0.015 * expected), name


def test_kl_counts_each_bond_once(paths) -> None:
    """KL = λ² Σ s²|d|²/2 for each N; twice-counted bonds would double their share of it."""
    path = paths[1]
    end = path.terminal
    exact = VALUE.path_cost(end.condition, len(end))
    # The optimal control of a linear reward is the same on all paths: no Monte Carlo error at all.
    torch.testing.assert_close(path.path_cost, exact, rtol=0.02, atol=0)
    bonds = VALUE.direction.inner_by_modality(VALUE.direction)["bonds"]
    assert bool((VALUE.strength**2 / 2 * DEVIATIONS["bonds"] ** 2 * bonds > 0.05 * exact[[0, -1]]).all())


def test_log_partition_within_each_size(paths) -> None:
    """Within N the weights agree with the closed form; mixed up, log Z would have a spread that is nobody's error."""
    path = paths[1]
    end = path.terminal
    weights = path.log_weight(VALUE.strength, VALUE.reward(end))
    exact = VALUE.log_partition(end.condition, len(end))
    for size in SIZES.tolist():
        chosen = end.n_atoms == size
        assert float(path_diagnostics(weights[chosen]).log_z) == pytest.approx(float(exact[chosen][0]), abs=0.03)
    within, pooled = path_diagnostics(weights, end.condition), path_diagnostics(weights)
    assert within.ess > 0.95
    assert within.kl_gap < 0.02
    assert pooled.ess < 0.8
