"""Steered by the exact V the SDE ends at p* ∝ p exp(λr): Gaussian and mixture bases, linear and quadratic rewards."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.objectives import path_diagnostics
from molvm.schedules import CosineSchedule, LinearSchedule, Schedule
from molvm.sde import Trajectory, euler_maruyama, simulate, time_grid

GAUSSIAN = GaussianMixture.of([1.0], [[0.5, 0.0]], [[[0.49, 0.2], [0.2, 0.3]]])
MIXTURE = GaussianMixture.of([0.5, 0.3, 0.2], [[-2.0], [0.5], [2.0]], [[0.25], [0.16], [0.36]])
SLOPE = (0.6, -0.4)


def steered(
    model: GaussianMixtureModel,
    reward: QuadraticReward,
    strength: float,
    *,
    steps: int = 100,
    count: int = 4000,
    noise_level: float = 1.0,
    seed: int = 0,
) -> Trajectory:
    generator = torch.Generator().manual_seed(seed)
    return simulate(
        model,
        model.noise(None, count, generator),
        time_grid(model.schedules, steps),
        control=ExactValue(model, reward, strength),
        generator=generator,
        stepper=partial(euler_maruyama, noise_level=noise_level),
        keep_states=False,
    )


@pytest.mark.parametrize("schedule", [LinearSchedule(), CosineSchedule(1.0)], ids=str)
@pytest.mark.parametrize(
    "reward", [QuadraticReward(SLOPE), QuadraticReward((0.0, 0.0), 1.0, (1.5, -1.0))], ids=["linear", "quadratic"]
)
def test_gaussian_base_reaches_the_tilted_gaussian(schedule: Schedule, reward: QuadraticReward) -> None:
    """T1 and T2: mean, covariance, log Z and KL at λ = 2; 1 % of discretisation beside 3 standard errors."""
    model, strength, count = GaussianMixtureModel((GAUSSIAN,), schedule), 2.0, 4000
    law, log_z = reward.tilt(GAUSSIAN, strength)
    path = steered(model, reward, strength)
    deviations = law.covariance().diagonal().sqrt()
    assert bool(((path.terminal.x.mean(0) - law.mean()).abs() < (3 / count**0.5 + 0.01) * deviations).all())
    torch.testing.assert_close(torch.cov(path.terminal.x.T), law.covariance(), rtol=0.08, atol=0.02)
    report = path_diagnostics(path.log_weight(strength, reward(path.terminal.x)))
    assert report.log_z == pytest.approx(float(log_z), abs=0.01)
    # KL = λ E*[r] − log Z. Only its Monte Carlo error and a few per cent of the steps' size may remain.
    expected = strength * float(reward(law.sample(200_000, torch.Generator().manual_seed(9))).mean()) - float(log_z)
    assert float(path.path_cost.mean()) == pytest.approx(expected, rel=0.06)


def test_linear_reward_costs_half_the_squared_shift() -> None:
    """T1: KL = λ² cᵀSc/2 exactly, and at the optimum the log weights have almost no spread."""
    model, strength = GaussianMixtureModel((GAUSSIAN,), LinearSchedule()), 2.0
    slope = torch.tensor(SLOPE, dtype=torch.float64)
    cost = strength**2 * float(slope @ GAUSSIAN.covariances[0] @ slope) / 2
    path = steered(model, QuadraticReward(SLOPE), strength)
    assert float(path.path_cost.mean()) == pytest.approx(cost, rel=0.03)
    weights = path.log_weight(strength, QuadraticReward(SLOPE)(path.terminal.x))
    # The mean of the paths' Itô integral is zero and its variance 2 KL; the weights cancel it.
    assert abs(float(path.ito.sum(0).mean())) < 3 * (2 * cost / 4000) ** 0.5
    assert float(path.ito.sum(0).var()) == pytest.approx(2 * cost, rel=0.1)
    assert float(weights.var()) < 0.02 * 2 * cost


def test_mixture_base_reaches_the_tilted_component_weights() -> None:
    """T3: with a linear reward the weights become w exp(λcm + λ²c²S/2); missing mass shows here."""
    model, reward, strength, count = (
        GaussianMixtureModel((MIXTURE,), LinearSchedule()),
        QuadraticReward((1.0,)),
        1.0,
        8000,
    )
    law, _ = reward.tilt(MIXTURE, strength)
    path = steered(model, reward, strength, steps=200, count=count)
    shares = torch.log_softmax(law.component_log_density(path.terminal.x), dim=-1).exp().mean(0)
    error = (law.log_weights.exp() * (1 - law.log_weights.exp()) / count).sqrt()
    assert bool(((shares - law.log_weights.exp()).abs() < 3 * error + 0.01).all())


def effective_strength(samples: torch.Tensor, base: GaussianMixture, edges: torch.Tensor) -> float:
    """The slope of log(p_u/p_base) against r(x) = x over bins, weighted by their counts."""
    fine = torch.linspace(float(edges[0]), float(edges[-1]), 40 * (len(edges) - 1) + 1, dtype=torch.float64)
    middle = (fine[1:] + fine[:-1]) / 2
    mass = base.log_density(middle[:, None]).exp().reshape(len(edges) - 1, -1).sum(1)
    counts = torch.histogram(samples.squeeze(1), bins=edges).hist
    seen = counts >= 30
    ratio, weight = (counts[seen] / mass[seen]).log(), counts[seen]
    centre = ((edges[1:] + edges[:-1]) / 2)[seen]
    x = centre - (weight * centre).sum() / weight.sum()
    return float((weight * x * ratio).sum() / (weight * x**2).sum())


@pytest.mark.parametrize("noise_level", [1.0, 0.5, 0.0])
def test_effective_strength_is_the_asked_one_at_every_noise_level(noise_level: float) -> None:
    """T6: within 5 %; adding σu instead of −(σ²/2 + η)∇V would show as a factor."""
    base = GaussianMixture.of([0.4, 0.6], [[-1.0], [0.6]], [[0.49], [0.64]])
    model, strength = GaussianMixtureModel((base,), LinearSchedule()), 1.2
    path = steered(model, QuadraticReward((1.0,)), strength, count=8000, noise_level=noise_level, seed=3)
    edges = torch.linspace(-3, 4.5, 26, dtype=torch.float64)
    assert effective_strength(path.terminal.x, base, edges) == pytest.approx(strength, rel=0.05)
