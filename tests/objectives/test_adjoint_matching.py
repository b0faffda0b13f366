from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from molvm.errors import ConfigError
from molvm.gradients import PointReward, require_differentiable
from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.objectives import AdjointMatching, AdjointMatchingOptions, Rollout
from molvm.objectives.adjoint import BaseStep, adjoints
from molvm.sde import simulate
from molvm.states import TensorState
from molvm.training.trainer import Trainer
from tests.objectives.toys import GAUSSIAN, MIXTURE, ends, fresh_control, steered_path, trainer

LINEAR, QUADRATIC = QuadraticReward((1.0,)), QuadraticReward((0.0,), 1.0, (1.5,))


def learner(
    reward: QuadraticReward, strength: float, model: GaussianMixtureModel, **options: object
) -> AdjointMatching:
    worth = require_differentiable(PointReward(reward), "it")
    return AdjointMatching(fresh_control(model, strength), model, worth, AdjointMatchingOptions(**options))


def trained(
    path: Path,
    reward: QuadraticReward,
    strength: float,
    steps: int,
    iterations: int,
    model: GaussianMixtureModel = GAUSSIAN,
    **options: object,
) -> Trainer:
    found = trainer(
        learner(reward, strength, model, **options),
        PointReward(reward),
        path,
        iterations,
        steps,
        model=model,
        batch=128 if model is MIXTURE else 64,
    )
    found.run()
    return found


@pytest.mark.parametrize("steps", [10, *(pytest.param(count, marks=pytest.mark.slow) for count in (20, 40))])
def test_the_strength_is_the_one_asked_for_at_any_number_of_steps(tmp_path: Path, steps: int) -> None:
    samples, base = ends(trained(tmp_path, LINEAR, 2.0, steps, 40))
    assert float((samples.mean() - base.mean()) / base.var()) == pytest.approx(2.0, rel=0.05)
    assert float(samples.std()) == pytest.approx(float(base.std()), rel=0.02)


def test_the_continuous_adjoint_applies_too_little_of_it(tmp_path: Path) -> None:
    samples, base = ends(trained(tmp_path, LINEAR, 2.0, 10, 40, adjoint="continuous"))
    assert 1.0 < float((samples.mean() - base.mean()) / base.var()) < 1.5


@pytest.mark.slow
def test_a_quadratic_reward_changes_the_spread_too(tmp_path: Path) -> None:
    """A control that is held over each step leaves it a little wider."""
    samples, base = ends(trained(tmp_path, QUADRATIC, 3.0, 20, 60))
    law, _ = QUADRATIC.tilt(GaussianMixture.of([1.0], [[float(base.mean())]], [[float(base.var())]]), 3.0)
    assert float(samples.mean()) == pytest.approx(float(law.mean()), abs=0.05)
    assert float(samples.std()) == pytest.approx(float(law.covariance().sqrt()), rel=0.05)


@pytest.mark.slow
def test_the_modes_of_a_mixture_get_their_weights(tmp_path: Path) -> None:
    """About 0.85 on the right; a control that is exact, but held over each of 20 steps, gives 0.84."""
    slope = QuadraticReward((0.6,))
    samples, base = ends(trained(tmp_path, slope, 1.0, 20, 150, model=MIXTURE))
    weights = torch.softmax(slope(base[:, None]), dim=0)
    assert float((samples > 0).double().mean()) == pytest.approx(float(weights[base > 0].sum()), abs=0.04)
    for side in (samples > 0, samples < 0):
        assert float(samples[side].std()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("model", "reward"), [(GAUSSIAN, QUADRATIC), (MIXTURE, QuadraticReward((0.6,)))])
def test_under_the_optimal_control_the_adjoint_is_the_value_gradient_in_the_mean(
    model: GaussianMixtureModel, reward: QuadraticReward
) -> None:
    """Slope 1 of the one on the other, along the whole path."""
    value = ExactValue(model, reward, 3.0)
    path = steered_path(model, value, 100, 3000)
    end = require_differentiable(PointReward(reward), "it").gradient(path.terminal).scale(-3.0)
    found, products, squares = adjoints(path, end, BaseStep(model)), 0.0, 0.0
    for k in range(10, 95, 5):
        gradient = value.gradient(path.states[k], path.times[k].expand(3000))
        products += float(gradient.inner(found[k - 1]).sum())  # the adjoint at the end of the step before
        squares += float(gradient.squared_norm().sum())
    assert products / squares == pytest.approx(1.0, abs=0.05)


def test_the_ablations_descend_the_simulated_cost() -> None:
    """The gradients of "basic" and "discrete" are those of J = E[½∫|u|² − λr] by automatic differentiation."""
    noise, found = None, []
    for adjoint in ("basic", "discrete"):
        learned = learner(QUADRATIC, 2.0, GAUSSIAN, adjoint=adjoint, reward_at="sample", early_share=1.0)
        learned.control.double()
        torch.nn.init.normal_(
            learned.control.features.network.layers[-1].weight, std=0.1, generator=torch.Generator().manual_seed(1)
        )
        learned.control.scale.fill_(1.0)
        path = steered_path(GAUSSIAN, learned.control, 5, 8)
        learned.observe(Rollout(path, QUADRATIC(path.terminal.parts["x"]), 2.0))
        learned.backward(Rollout(path, QUADRATIC(path.terminal.parts["x"]), 2.0))
        found.append(torch.cat([weight.grad.flatten() for weight in learned.parameters()]))
        noise = path
    torch.testing.assert_close(found[0], found[1])
    learned.control.zero_grad()
    x, cost = noise.states[0], 0.0
    for k, step in enumerate(noise.transitions):
        t = noise.times[k].expand(8)
        field = learned.control(x, t)
        cost = cost + field.scale({"x": step.shift["x"] / step.noise["x"]}).squared_norm() / 2
        moved = x.scale(step.keep) + GAUSSIAN.predict_endpoint(x, t).scale(step.pull) - field.scale(step.shift)
        x = moved + noise.noises[k].scale(step.noise)
    torch.testing.assert_close(x.parts["x"], noise.terminal.parts["x"])
    (cost - 2.0 * QUADRATIC(x.parts["x"])).mean().backward()
    expected = torch.cat([weight.grad.flatten() for weight in learned.parameters()])
    torch.testing.assert_close(found[0] * learned.control.unit**2 * noise.steps, expected)


def test_steps_are_drawn_anew_each_round_and_late_ones_always_learned_from() -> None:
    learned = learner(LINEAR, 2.0, GAUSSIAN)
    path = steered_path(GAUSSIAN, None, 20, 4)
    batch, rounds = Rollout(path, LINEAR(path.terminal.parts["x"]), 2.0), []
    for _ in range(3):
        learned.observe(batch)
        rounds.append(tuple(learned._chosen))
    assert all(chosen[-5:] == (15, 16, 17, 18, 19) and len(chosen) == 10 for chosen in rounds)
    assert len(set(rounds)) == 3
    whole = learned.backward(batch)["loss"]
    assert sum(learned.backward(batch, part, 2)["loss"] for part in range(2)) / 2 == pytest.approx(whole)


def test_large_losses_teach_nothing() -> None:
    learned = learner(LINEAR, 2.0, GAUSSIAN, clip_loss=1e-6)
    path = steered_path(GAUSSIAN, None, 10, 4)
    batch = Rollout(path, LINEAR(path.terminal.parts["x"]), 2.0)
    learned.observe(batch)
    assert learned.backward(batch)["clipped"] == 1.0
    assert not any(bool(weight.grad.any()) for weight in learned.parameters())


def test_what_it_lacks_is_said() -> None:
    path = steered_path(GAUSSIAN, None, 5, 4)
    batch = Rollout(path, torch.zeros(4), 2.0)
    with pytest.raises(ConfigError, match="no reward to learn from"):
        AdjointMatching(fresh_control(GAUSSIAN, 2.0), GAUSSIAN, None).observe(batch)
    short = simulate(GAUSSIAN, TensorState(torch.zeros(4, 1)), path.times, keep_states=False)
    with pytest.raises(ConfigError, match="all states"):
        learner(LINEAR, 2.0, GAUSSIAN).observe(replace(batch, trajectory=short))


@pytest.mark.parametrize(
    "wrong",
    [{"adjoint": "thin"}, {"reward_at": "noon"}, {"early_share": -0.1}, {"late_share": 2.0}, {"clip_loss": math.inf}],
)
def test_options_out_of_range(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        AdjointMatchingOptions(**wrong)
