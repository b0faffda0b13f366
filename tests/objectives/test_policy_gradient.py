"""Laws of everything that learns from ratios of densities: see also test_ddpo."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from molvm.errors import ConfigError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.objectives import CtPpo, CtPpoOptions, Ddpo, DdpoOptions, Dpok, DpokOptions, Ingredients, Objective, Rollout
from molvm.objectives.actor_critic import ActorCritic
from molvm.objectives.policy_gradient import PolicyGradient
from molvm.sde import SamplingOptions, Transition, simulate
from molvm.values.control import ControlNet
from molvm.values.ladder import build_control_features, build_features
from tests.objectives.test_ddpo import MODEL
from tests.runs.tiny import tiny_model

METHODS = ((Ddpo, DdpoOptions), (Dpok, DpokOptions), (CtPpo, CtPpoOptions))

STEPS = SamplingOptions(steps=8)


def perturb(features: nn.Module, seed: int) -> nn.Module:
    """Random weights in the place of the zeros of the last layer."""
    for name, weight in features.named_parameters():
        if name.startswith(("network.layers.6", "layers.6", "of_", "output")):
            nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(seed + 1))
    return features


def ingredients(model: GaussianMixtureModel, seed: int = 0) -> Ingredients:
    grid = STEPS.grid(model.schedules)
    steps = STEPS.stepper(model)(model.schedules, grid[:-1], grid[1:])
    critic = perturb(build_features(model, "A", torch.Generator().manual_seed(seed + 7)), seed)
    return Ingredients(model, None, critic=lambda: critic, field=lambda: critic, steps=steps)


def learner(
    method: type[PolicyGradient], options: object, model: GaussianMixtureModel = MODEL, strength: float = 1.0
) -> PolicyGradient:
    features = perturb(build_control_features(model, "A", torch.Generator().manual_seed(0)), 0)
    control = ControlNet(features, model.schedules, strength)
    control.scale.fill_(1.0)  # the first rollout settles it, when the control is still zero
    return method.build(control, options, ingredients(model))


def rollout(learned: PolicyGradient, model: GaussianMixtureModel = MODEL, count: int = 12) -> Rollout:
    generator = torch.Generator().manual_seed(0)
    noise = model.noise(model.sample_condition(count, generator), count, generator)
    path = simulate(
        model,
        noise,
        STEPS.grid(model.schedules),
        control=learned.behaviour,
        generator=generator,
        keep_noise=True,
    )
    return Rollout(path, torch.randn(count, generator=generator), learned.control.strength)


def gradient_of(learned: PolicyGradient) -> Tensor:
    return torch.cat([weight.grad.flatten() for weight in learned.control.parameters() if weight.grad is not None])


@pytest.mark.parametrize(("method", "options"), METHODS)
@pytest.mark.parametrize("model", [MODEL, tiny_model()], ids=["points", "molecules"])
def test_the_ratio_is_one_at_the_first_step_exactly(
    method: type[PolicyGradient], options: type, model: GaussianMixtureModel
) -> None:
    learned = learner(method, options(), model)
    assert isinstance(learned, Objective)
    batch = rollout(learned, model)
    metrics = {**learned.observe(batch), **learned.backward(batch)}
    assert (metrics["ratio_error"], metrics["clipped"]) == (0.0, 0.0)
    assert metrics["kl"] > 0
    assert all(math.isfinite(number) for number in metrics.values())


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_a_step_without_noise_is_refused_before_and_after(method: type[PolicyGradient], options: type) -> None:
    """The last step, as samplers take it that end without noise; its log density would be infinite."""
    learned, given = learner(method, options()), ingredients(MODEL)
    silent = {name: torch.cat([noise[:-1], torch.zeros(1)]) for name, noise in given.steps.noise.items()}
    still = replace(given, steps=replace(given.steps, noise=silent))
    with pytest.raises(ConfigError, match="no noise"):
        method.build(learned.control, options(), still)
    batch = rollout(learned)
    *before, last = batch.trajectory.transitions
    transitions = (*before, Transition(last.keep, last.pull, last.shift, {"x": 0.0}))
    with pytest.raises(ConfigError, match="no noise"):
        learned.observe(replace(batch, trajectory=replace(batch.trajectory, transitions=transitions)))


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_everything_is_saved_and_restored(method: type[PolicyGradient], options: type) -> None:
    one, other = learner(method, options()), learner(method, options())
    for weight in other.parameters():
        nn.init.zeros_(weight)
    other.load_state_dict(one.state_dict())
    for mine, its in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, its)
    assert any(name.startswith("critic.") for name in one.state_dict()) == isinstance(one, ActorCritic)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [(DdpoOptions, {"clip_range": 0.0}), (DpokOptions, {"baseline_window": -1.0}), (CtPpoOptions, {"trace": 1.5})],
)
def test_options_out_of_range(options: type, wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        options(**wrong)
