from __future__ import annotations

import pytest
import torch

from molvm.errors import ConfigError
from molvm.models.parameterise import Parameterisation, from_endpoint, to_endpoint
from molvm.schedules import CosineSchedule, LinearSchedule, Schedule, Schedules, VariancePreservingSchedule
from molvm.states import MoleculeState, TensorState

T = torch.tensor([0.05, 0.3, 0.7, 0.97], dtype=torch.float64)


def point(seed: int) -> TensorState:
    return TensorState(torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


@pytest.mark.parametrize("kind", list(Parameterisation))
@pytest.mark.parametrize("schedule", [LinearSchedule(), CosineSchedule(2.0), VariancePreservingSchedule()], ids=str)
def test_round_trip(kind: Parameterisation, schedule: Schedule) -> None:
    if kind is Parameterisation.V_PREDICTION and not isinstance(schedule, VariancePreservingSchedule):
        return
    schedules, x, endpoint = Schedules({"x": schedule}), point(0), point(1)
    prediction = from_endpoint(kind, x, endpoint, schedules, T)
    back = to_endpoint(kind, x, prediction, schedules, T)
    torch.testing.assert_close(back.x, endpoint.x, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("schedule", [LinearSchedule(), CosineSchedule(1.5), VariancePreservingSchedule()], ids=str)
def test_definitions_on_a_noised_point(schedule: Schedule) -> None:
    """With x = αx₁ + βε, the endpoint x₁ belongs to noise ε, velocity α̇x₁ + β̇ε and score −ε/β."""
    schedules, data, noise = Schedules({"x": schedule}), point(2), point(3)
    alpha, beta = schedule.alpha(T), schedule.beta(T)
    x = data.scale(alpha) + noise.scale(beta)
    velocity = data.scale(schedule.alpha_dot(T)) + noise.scale(schedule.beta_dot(T))
    expected = {
        Parameterisation.NOISE: noise,
        Parameterisation.SCORE: noise.scale(-1 / beta),
        Parameterisation.VELOCITY: velocity,
    }
    for kind, prediction in expected.items():
        torch.testing.assert_close(from_endpoint(kind, x, data, schedules, T).x, prediction.x, rtol=1e-9, atol=1e-9)
    score = from_endpoint(Parameterisation.SCORE, x, data, schedules, T)
    flow = x.scale(schedule.kappa(T)) + score.scale(schedule.eta(T))
    torch.testing.assert_close(flow.x, velocity.x, rtol=1e-9, atol=1e-9)


def test_v_prediction_is_the_rotation_of_data_and_noise() -> None:
    schedule = VariancePreservingSchedule()
    data, noise = point(2), point(3)
    alpha, beta = schedule.alpha(T), schedule.beta(T)
    x = data.scale(alpha) + noise.scale(beta)
    expected = noise.scale(alpha) - data.scale(beta)
    rotated = from_endpoint(Parameterisation.V_PREDICTION, x, data, Schedules({"x": schedule}), T)
    torch.testing.assert_close(rotated.x, expected.x, rtol=1e-9, atol=1e-9)


def test_each_modality_follows_its_own_schedule() -> None:
    nus = {"positions": 1.0, "types": 2.0, "charges": 3.0, "bonds": 1.5}
    schedules = Schedules({name: CosineSchedule(nu) for name, nu in nus.items()})
    origin = MoleculeState.zeros(torch.tensor([3, 2, 4, 3]), 2, 2, 2, dtype=torch.float64)
    x, endpoint = (origin.randn_like(torch.Generator().manual_seed(seed)) for seed in (0, 1))
    score = from_endpoint(Parameterisation.SCORE, x, endpoint, schedules, T)
    for name, nu in nus.items():
        alone = CosineSchedule(nu)
        shape = (-1, *[1] * (x.parts[name].ndim - 1))
        alpha, beta = alone.alpha(T).reshape(shape), alone.beta(T).reshape(shape)
        torch.testing.assert_close(score.parts[name], (alpha * endpoint.parts[name] - x.parts[name]) / beta**2)


def test_velocity_gives_the_endpoint_at_the_last_time() -> None:
    schedules, x, velocity = Schedules({"x": LinearSchedule()}), point(0), point(1)
    last = torch.ones(4, dtype=torch.float64)
    assert torch.equal(to_endpoint(Parameterisation.VELOCITY, x, velocity, schedules, last).x, x.x)


def test_v_prediction_needs_preserved_variance() -> None:
    with pytest.raises(ConfigError, match="v-prediction"):
        from_endpoint(Parameterisation.V_PREDICTION, point(0), point(1), Schedules({"x": LinearSchedule()}), T)
