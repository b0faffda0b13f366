from __future__ import annotations

import math

import pytest
import torch

from molvm.errors import ConfigError, StateError
from molvm.models.base import FlowModel
from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.isotropic import IsotropicGaussianModel, LinearValue
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import IntervalReward, QuadraticReward
from molvm.schedules import CosineSchedule, LinearSchedule, Schedule, Schedules, VariancePreservingSchedule
from molvm.states import MoleculeState, TensorState

SCHEDULES = [LinearSchedule(), CosineSchedule(2.0), VariancePreservingSchedule()]
TOY = GaussianMixture.of([0.5, 0.5], [[0.0], [3.0]], [[1.0], [0.16]])
PLANE = GaussianMixture.of(
    [0.3, 0.7], [[0.0, 1.0], [-2.0, 0.5]], [[[1.0, 0.6], [0.6, 0.8]], [[0.3, -0.1], [-0.1, 0.5]]]
)


def line(low: float = -12.0, high: float = 12.0, count: int = 60001) -> torch.Tensor:
    return torch.linspace(low, high, count, dtype=torch.float64)[:, None]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_endpoint_agrees_with_the_score_of_the_density(schedule: Schedule) -> None:
    """Tweedie: x̂ = (x + β² ∇log p_t(x))/α."""
    model = GaussianMixtureModel((PLANE,), schedule)
    x = torch.randn(6, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    t = torch.linspace(0.1, 0.9, 6, dtype=torch.float64)
    (score,) = torch.autograd.grad(model.log_density(TensorState(x), t).sum(), x)
    expected = (x + schedule.beta(t)[:, None] ** 2 * score) / schedule.alpha(t)[:, None]
    torch.testing.assert_close(model.predict_endpoint(TensorState(x), t).x, expected, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(model.posterior(TensorState(x), t).mean(), expected, rtol=1e-8, atol=1e-8)


def test_posterior_by_bayes_on_a_grid() -> None:
    schedule, x1 = LinearSchedule(), line()
    t, x = torch.tensor([0.4], dtype=torch.float64), torch.tensor([[0.9]], dtype=torch.float64)
    joint = TOY.log_density(x1) - (x - 0.4 * x1).squeeze(1).square() / (2 * 0.6**2)
    expected = torch.log_softmax(joint, dim=0) - math.log(float(x1[1] - x1[0]))
    posterior = TOY.posterior(x, schedule.alpha(t), schedule.beta(t))
    actual = GaussianMixture(posterior.log_weights[0], posterior.means[0], posterior.covariances[0]).log_density(x1)
    seen = expected > -30
    torch.testing.assert_close(actual[seen], expected[seen], atol=1e-6, rtol=0)


def test_moments_and_draws() -> None:
    draws = PLANE.sample(40_000, torch.Generator().manual_seed(1))
    error = PLANE.covariance().diagonal().sqrt() / 200
    assert bool(((draws.mean(0) - PLANE.mean()).abs() < 3 * error).all())
    torch.testing.assert_close(torch.cov(draws.T), PLANE.covariance(), rtol=0.03, atol=0.02)


@pytest.mark.parametrize(
    "reward", [QuadraticReward((0.7,)), QuadraticReward((0.0,), 1.3, (1.0,)), QuadraticReward((-0.4,), 0.5)], ids=str
)
def test_tilted_law_and_partition_by_quadrature(reward: QuadraticReward) -> None:
    x, strength = line(), 1.7
    step = float(x[1] - x[0])
    weights = TOY.log_density(x) + strength * reward(x)
    law, log_z = reward.tilt(TOY, strength)
    assert float(log_z) == pytest.approx(float(torch.logsumexp(weights, 0)) + math.log(step), abs=1e-8)
    torch.testing.assert_close(law.log_density(x), weights - log_z, rtol=1e-9, atol=1e-9)


def test_full_covariance_tilt_in_the_plane() -> None:
    """T1 and T2 for one component: mean m + λSc and covariance (S⁻¹ + kI)⁻¹."""
    single = GaussianMixture.of([1.0], [[0.5, -1.0]], [[[1.0, 0.6], [0.6, 0.8]]])
    slope = torch.tensor([0.3, -0.8], dtype=torch.float64)
    law, log_z = QuadraticReward((0.3, -0.8)).tilt(single, 2.0)
    mean, covariance = single.means[0], single.covariances[0]
    torch.testing.assert_close(law.means[0], mean + 2 * covariance @ slope)
    assert float(log_z) == pytest.approx(float(2 * slope @ mean + 2 * slope @ covariance @ slope))
    narrowed, _ = QuadraticReward((0.0, 0.0), 1.5, (1.0, 1.0)).tilt(single, 2.0)
    expected = torch.linalg.inv(torch.linalg.inv(covariance) + 3 * torch.eye(2, dtype=torch.float64))
    torch.testing.assert_close(narrowed.covariances[0], expected)


def test_the_interval_toy_in_closed_form() -> None:
    reward = IntervalReward(0.0, 1.0)
    inside = float(reward.probability(TOY))
    assert inside == pytest.approx(0.17067, abs=5e-6)
    for strength, tilted, log_z, cost in ((3.0, 0.8052, 1.4487, 0.9670), (8.0, 0.99837, 6.2336, 1.7534)):
        share = math.exp(strength) * inside / (1 + math.expm1(strength) * inside)
        assert share == pytest.approx(tilted, abs=5e-5)
        assert float(reward.log_partition(TOY, strength)) == pytest.approx(log_z, abs=5e-5)
        assert strength * share - log_z == pytest.approx(cost, abs=1e-4)


@pytest.mark.parametrize("reward", [QuadraticReward((1.0,)), IntervalReward(0.0, 1.0)], ids=str)
def test_value_is_the_martingale_of_its_endpoints(reward: QuadraticReward | IntervalReward) -> None:
    """exp(−V(x, t)) by Monte Carlo over the posterior, and a constant at t → 0."""
    model = GaussianMixtureModel((TOY,), LinearSchedule())
    value = ExactValue(model, reward, 1.5)
    x, t = torch.tensor([[0.8]], dtype=torch.float64), torch.tensor([0.5], dtype=torch.float64)
    posterior = model.posterior(TensorState(x), t)
    law = GaussianMixture(posterior.log_weights[0], posterior.means[0], posterior.covariances[0])
    draws = torch.exp(1.5 * reward(law.sample(100_000, torch.Generator().manual_seed(2))))
    error = float(draws.std()) / 100_000**0.5
    assert float(torch.exp(-value(TensorState(x), t))) == pytest.approx(float(draws.mean()), abs=3 * error)
    early = value(TensorState(line(-2, 2, 5)), torch.full((5,), 1e-7, dtype=torch.float64))
    torch.testing.assert_close(early, -reward.log_partition(TOY, 1.5).expand(5), atol=1e-5, rtol=0)


def test_classes_have_their_own_law() -> None:
    other = GaussianMixture.of([0.5, 0.5], [[10.0], [11.0]], [[1.0], [1.0]])
    model = GaussianMixtureModel((TOY, other), LinearSchedule(), class_weights=(0.25, 0.75))
    condition = model.sample_condition(8000, torch.Generator().manual_seed(0))
    assert condition is not None
    assert float(condition.double().mean()) == pytest.approx(0.75, abs=0.02)
    x = TensorState(torch.ones(2, 1, dtype=torch.float64), torch.tensor([0, 1]))
    t = torch.full((2,), 1e-6, dtype=torch.float64)
    torch.testing.assert_close(
        model.predict_endpoint(x, t).x[:, 0], torch.tensor([1.5, 10.5]).double(), atol=1e-4, rtol=0
    )
    assert isinstance(model, FlowModel)


def test_classes_of_unlike_shape_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 shapes"):
        GaussianMixtureModel((TOY, PLANE), LinearSchedule())


def test_isotropic_model_agrees_with_the_mixture() -> None:
    schedule = CosineSchedule(1.0)
    mixture = GaussianMixtureModel((GaussianMixture.of([1.0], [[0.5, -1.0]], [[0.49, 0.49]]),), schedule)
    mean = TensorState(torch.tensor([[0.5, -1.0]], dtype=torch.float64))
    isotropic = IsotropicGaussianModel(mean, {"x": 0.7}, Schedules({"x": schedule}))
    x = TensorState(torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    t = torch.linspace(0.1, 0.9, 5, dtype=torch.float64)
    torch.testing.assert_close(isotropic.predict_endpoint(x, t).x, mixture.predict_endpoint(x, t).x)
    exact = ExactValue(mixture, QuadraticReward((0.3, -0.8)), 2.0)
    linear = LinearValue(isotropic, TensorState(torch.tensor([[0.3, -0.8]], dtype=torch.float64)), 2.0)
    torch.testing.assert_close(linear(x, t), exact(x, t))
    torch.testing.assert_close(linear.gradient(x, t).x, exact.gradient(x, t).x)


def test_isotropic_model_refuses_what_it_does_not_know() -> None:
    schedules = Schedules({name: LinearSchedule() for name in ("positions", "types", "charges", "bonds")})
    mean = MoleculeState.zeros(torch.tensor([2, 4]), 1, 1, 1)
    with pytest.raises(ConfigError, match="deviations"):
        IsotropicGaussianModel(mean, {"positions": 1.0}, schedules)
    model = IsotropicGaussianModel(mean, dict.fromkeys(schedules.by_modality, 0.5), schedules)
    with pytest.raises(StateError, match="no mean"):
        model.noise(torch.tensor([3]), 1)
