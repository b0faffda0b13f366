"""Classifier Guidance has the exact V as its minimum, in every form, on paths and on re-noised endpoints.

The networks are linear in features that hold the exact V (but for the mixtures, whose features come close), and the
samples many, so that the minimum itself is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import ExactReward, IntervalReward, QuadraticReward
from molvm.objectives import ClassifierGuidance, ClassifierGuidanceOptions, Rollout
from molvm.schedules import LinearSchedule, Schedules, interpolate
from molvm.sde import Trajectory
from molvm.states import State, TensorState

GAUSSIAN = GaussianMixtureModel((GaussianMixture.of([1.0], [[0.3]], [[0.49]]),), LinearSchedule())
MIXTURE = GaussianMixtureModel((GaussianMixture.of([0.5, 0.5], [[0.0], [3.0]], [[1.0], [0.16]]),), LinearSchedule())
COUNT = 40_000
FORMS = ("faithful", "log_scaled", "stable")


class LinearInFeatures(nn.Module):
    """f(x, t) = w · φ(x, t), in double precision."""

    def __init__(self, features: Callable[[Tensor, Tensor], Tensor], count: int) -> None:
        super().__init__()
        self.features = features
        self.weights = nn.Parameter(torch.zeros(count, dtype=torch.float64))

    def forward(self, x: State, t: Tensor) -> Tensor:
        """f, shape (B,)."""
        return self.features(x.parts["x"].squeeze(1), t) @ self.weights


def affine(x: Tensor, t: Tensor) -> Tensor:
    """1, x̂₁ and the posterior variance of the Gaussian base, of which its V for a linear reward is made."""
    spread = 0.49 * (1 - t) ** 2 / (t**2 * 0.49 + (1 - t) ** 2)
    endpoint = 0.3 + t * 0.49 / (t**2 * 0.49 + (1 - t) ** 2) * (x - t * 0.3)
    return torch.stack([torch.ones_like(x), endpoint, spread], dim=1)


def bumps(x: Tensor, t: Tensor) -> Tensor:
    """1, x, and Gaussian bumps half a unit apart."""
    centres = torch.arange(-3.0, 5.01, 0.5, dtype=x.dtype)
    return torch.cat([torch.ones(len(x), 1), x[:, None], torch.exp(-((x[:, None] - centres) ** 2) / 0.5)], dim=1)


def experience(model: GaussianMixtureModel, reward: ExactReward, strength: float, time: float) -> Rollout:
    """Exact base samples, and x_t of each: paths of one step."""
    generator = torch.Generator().manual_seed(0)
    data = TensorState(model.mixtures[0].sample(COUNT, generator))
    t = torch.full((COUNT,), time, dtype=torch.float64)
    x = interpolate(model.schedules, data.randn_like(generator), data, t)
    nothing = torch.zeros(1, COUNT, dtype=torch.float64)
    grid = torch.tensor([time, 1.0], dtype=torch.float64)
    return Rollout(Trajectory(grid, (x, data), nothing, nothing), reward(data.x), strength)


def minimiser(network: LinearInFeatures, schedules: Schedules, rollout: Rollout, **options: Any) -> ClassifierGuidance:
    """V at the minimum of the loss over all of the rollout, by a quasi-Newton method."""
    chosen = ClassifierGuidanceOptions(gate=False, baseline_window=0, **options)
    learner = ClassifierGuidance.build(network, schedules, rollout.strength, options=chosen)
    learner.value.double()
    learner.observe(rollout)
    optimiser = torch.optim.LBFGS(
        learner.parameters(), max_iter=40, history_size=50, tolerance_grad=1e-12, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip
    draws = [learner.generator, *([learner.memory.generator] if learner.memory else [])]
    states = [generator.get_state() for generator in draws]

    def closure() -> float:
        for generator, state in zip(draws, states, strict=True):
            generator.set_state(state)  # one loss, whose points stay the same
        optimiser.zero_grad()
        return learner.backward(rollout)["loss"]

    optimiser.step(closure)
    return learner


@pytest.mark.parametrize("form", FORMS)
def test_gaussian_base_and_linear_reward(form: str) -> None:
    """V = −λx̂₁ − ½λ²P; 0.02 nats are four standard errors of 40 000 samples."""
    strength, reward, time = 1.0, QuadraticReward((1.0,)), 0.5
    rollout = experience(GAUSSIAN, reward, strength, time)
    # At one time the third feature is a constant, as the first.
    network = LinearInFeatures(lambda x, t: affine(x, t)[:, :2], 2)
    learner = minimiser(network, GAUSSIAN.schedules, rollout, form=form)
    x, t = rollout.trajectory.states[0].select(slice(2000)), torch.full((2000,), time, dtype=torch.float64)
    error = (learner.value(x, t) - ExactValue(GAUSSIAN, reward, strength)(x, t)).detach()
    assert float(error.square().mean().sqrt()) < 0.02


@pytest.mark.parametrize("form", FORMS)
def test_mixture_base_and_a_reward_with_a_jump(form: str) -> None:
    """λ = 2, r = 1 on [0, 1]: V from −2 to 0, within 0.06 nats where p*_t is, for features that only come close."""
    strength, reward, time = 2.0, IntervalReward(0.0, 1.0), 0.6
    rollout = experience(MIXTURE, reward, strength, time)
    learner = minimiser(LinearInFeatures(bumps, 19), MIXTURE.schedules, rollout, form=form)
    x, t = rollout.trajectory.states[0], torch.full((COUNT,), time, dtype=torch.float64)
    exact = ExactValue(MIXTURE, reward, strength)(x, t)
    error = (learner.value(x, t) - exact).detach()
    weights = torch.softmax(-exact, dim=0)
    assert float((weights * error.square()).sum().sqrt()) < 0.06
    assert float(exact.std()) > 0.4  # no constant passes


@pytest.mark.parametrize("replay", [0, 1])
@pytest.mark.parametrize("form", FORMS)
def test_re_noised_endpoints_have_the_same_minimum(form: str, replay: int) -> None:
    """Over all times at once: the weights of 1, x̂₁ and P are 0, −λ and −½λ²."""
    strength, reward = 1.0, QuadraticReward((1.0,))
    rollout = experience(GAUSSIAN, reward, strength, 0.001)
    learner = minimiser(
        LinearInFeatures(affine, 3), GAUSSIAN.schedules, rollout, form=form, renoise=True, replay=replay
    )
    found = learner.value.unit * learner.value.features.weights.detach()
    times = torch.linspace(0.02, 0.98, 25, dtype=torch.float64).repeat(400)
    law = torch.randn(len(times), generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    x = times * 0.3 + (times**2 * 0.49 + (1 - times) ** 2).sqrt() * law
    expected = torch.tensor([0.0, -strength, -(strength**2) / 2], dtype=torch.float64)
    error = affine(x, times) @ (found - expected)
    assert float(error.square().mean().sqrt()) < 0.02


@pytest.mark.parametrize("linear_above", [3.0, 10.0])
def test_a_strong_reward_of_zeros_and_ones(linear_above: float) -> None:
    """λ = 25, P(1) = ½: V = −24.3 by small clipped steps, from V = 0, where exp(λr + V) is 7 · 10¹⁰.

    A minimum of −24.3 is seen only because g goes on: where it stayed at e¹⁰ its slope would vanish, and V end at .69.
    """
    data = TensorState(torch.zeros(64, 1))
    nothing = torch.zeros(1, 64)
    path = Trajectory(torch.tensor([0.5, 1.0], dtype=torch.float64), (data, data), nothing, nothing)
    rollout = Rollout(path, (torch.arange(64) % 2).float(), 25.0)
    network = LinearInFeatures(lambda x, t: torch.ones(len(x), 1, dtype=torch.float64), 1)
    options = ClassifierGuidanceOptions(gate=False, baseline_window=0, linear_above=linear_above)
    learner = ClassifierGuidance.build(network, GAUSSIAN.schedules, 25.0, options=options)
    learner.observe(rollout)
    optimiser = torch.optim.SGD(learner.parameters(), lr=0.1)
    for _ in range(300):
        optimiser.zero_grad()
        learner.backward(rollout)
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimiser.step()
    found = float(learner.value(data, torch.full((64,), 0.5))[0].detach())
    assert found == pytest.approx(-25 - math.log(0.5), abs=0.01)


def test_the_table_of_starts_has_it_at_once() -> None:
    data = TensorState(torch.zeros(64, 1))
    path = Trajectory(torch.tensor([0.5, 1.0]), (data, data), torch.zeros(1, 64), torch.zeros(1, 64))
    learner = ClassifierGuidance.build(LinearInFeatures(affine, 3), GAUSSIAN.schedules, 25.0)
    learner.observe(Rollout(path, (torch.arange(64) % 2).float(), 25.0))
    assert float(learner.value.initial_value()) == pytest.approx(-25 - math.log(0.5), abs=1e-4)
