from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from molvm.errors import CheckpointError, ConfigError, DivergenceError
from molvm.objectives import ClassifierGuidance, ClassifierGuidanceOptions, Rollout
from molvm.objectives.classifier_guidance import _continued_exp
from molvm.sde import simulate, time_grid
from molvm.states import MoleculeState, State
from molvm.values.ladder import build_features
from molvm.values.points import PointValue, PointValueConfig
from tests.objectives.test_contract import MODEL, STRENGTH, gradients, rollout
from tests.runs.tiny import tiny_model


def guidance(strength: float = STRENGTH, *, double: bool = True, **options: Any) -> ClassifierGuidance:
    network = PointValue(2, PointValueConfig(width=16, depth=2), classes=2)
    torch.nn.init.normal_(network.layers[-1].weight, std=0.1, generator=torch.Generator().manual_seed(3))
    return ClassifierGuidance.build(
        network.double() if double else network,
        MODEL.schedules,
        strength,
        conditions=[0, 1],
        options=ClassifierGuidanceOptions(**options),
    )


def by_the_formula(learner: ClassifierGuidance, batch: Rollout) -> Tensor:
    """Σ_k dt_k mean ℓ(V(x_k, t_k)), in one graph."""
    path, strength, loss = batch.trajectory, batch.strength, torch.zeros((), dtype=torch.float64)
    reward, largest = batch.rewards, float(batch.rewards.max())
    spread = float(reward.std(correction=0))
    for k, step in enumerate(path.times.diff().tolist()):
        value = learner.value(path.states[k], torch.full((len(reward),), float(path.times[k]), dtype=torch.float64))
        forms = {
            "faithful": (torch.exp(-value) - torch.exp(strength * reward)) ** 2 / 2 / math.exp(2 * strength),
            "log_scaled": (torch.exp(-value) - torch.exp(strength * reward)) ** 2
            / 2
            / math.exp(2 * strength * largest),
            "stable": (torch.exp(strength * reward + value) - value) / (strength * spread) ** 2,
        }
        loss = loss + step * forms[learner.options.form].mean()
    return loss


@pytest.mark.parametrize("form", ["faithful", "log_scaled", "stable"])
def test_loss_and_gradients_are_those_of_the_formula(form: str) -> None:
    learner = guidance(form=form)
    batch = rollout(learner)
    learner.observe(batch)
    metrics = learner.backward(batch)
    found = gradients(learner)
    learner.value.zero_grad()
    expected = by_the_formula(learner, batch)
    expected.backward()
    # The scale s is kept in single precision.
    assert metrics["loss"] == pytest.approx(float(expected.detach()), rel=1e-6)
    torch.testing.assert_close(found, gradients(learner), rtol=1e-6, atol=1e-12)


def test_the_exponential_goes_on_as_its_tangent() -> None:
    z = torch.linspace(-5, 30, 71, dtype=torch.float64, requires_grad=True)
    found = _continued_exp(z, 10.0)
    (slope,) = torch.autograd.grad(found.sum(), z)
    torch.testing.assert_close(slope, torch.exp(z.clamp(max=10)).detach())
    torch.testing.assert_close(found[z <= 10].detach(), torch.exp(z)[z <= 10].detach())
    assert float(found[-1].detach()) == pytest.approx(math.exp(10) * 21)


@pytest.mark.parametrize("reward", [3.0, 1e3, 1e30])
def test_faithful_says_which_rewards_it_cannot_hold(reward: float) -> None:
    learner = guidance(strength=25.0, double=False, form="faithful")
    batch = rollout(learner)
    rewards = torch.zeros(10)
    rewards[4] = reward
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    with pytest.raises(DivergenceError, match=r"cannot hold 1 of 10 rewards: with λ = 25 .* λr − λ .*stable"):
        learner.observe(replace(batch, rewards=rewards))
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.state_dict().items())


def test_faithful_holds_what_the_formula_as_printed_does_not() -> None:
    """exp(2λ) is infinite in single precision from λ = 45 on, exp(λr − λ) only where λ (r − 1) is above 44."""
    learner = guidance(strength=60.0, double=False, form="faithful")
    batch = replace(rollout(learner), rewards=torch.linspace(0.0, 1.7, 10))
    learner.observe(batch)
    learner.backward(batch)
    assert bool(torch.isfinite(gradients(learner)).all())
    assert float(gradients(learner).norm()) > 0


@pytest.mark.parametrize("form", ["log_scaled", "stable"])
@pytest.mark.parametrize("strength", [100.0, 1e4])
def test_the_other_forms_hold_every_strength(form: str, strength: float) -> None:
    learner = guidance(strength=strength, double=False, form=form)
    torch.nn.init.zeros_(learner.value.features.layers[-1].weight)
    batch = rollout(learner)
    metrics = {**learner.observe(batch), **learner.backward(batch)}
    assert all(math.isfinite(value) for value in metrics.values())
    assert bool(torch.isfinite(gradients(learner)).all())


@pytest.mark.parametrize("form", ["faithful", "log_scaled"])
def test_a_value_that_overflows_is_an_error(form: str) -> None:
    learner = guidance(double=False, form=form)
    batch = rollout(learner)
    learner.observe(batch)
    torch.nn.init.constant_(learner.value.features.layers[-1].bias, -1e4)
    with pytest.raises(DivergenceError, match="Classifier Guidance loss is inf"):
        learner.backward(batch)


def test_the_largest_reward_only_grows_and_is_kept() -> None:
    learner = guidance(form="log_scaled")
    batch = rollout(learner)
    for shift, expected in ((0.0, 0.0), (-5.0, 0.0), (2.0, 2.0)):
        learner.observe(replace(batch, rewards=batch.rewards + shift))
        assert float(learner.reward_max) == pytest.approx(float(batch.rewards.max()) + expected)
    other = guidance(form="log_scaled")
    other.load_state_dict(learner.state_dict())
    assert other.reward_max == learner.reward_max
    lacking = {name: tensor for name, tensor in learner.state_dict().items() if name != "reward_max"}
    with pytest.raises(CheckpointError, match="no largest reward"):
        other.load_state_dict(lacking)


def test_another_scale_turns_no_gradient() -> None:
    """A larger r_max makes the loss smaller by one factor, wherever the point."""
    learner = guidance(form="log_scaled")
    batch = rollout(learner)
    learner.observe(batch)
    learner.backward(batch)
    first = gradients(learner).clone()
    learner.value.zero_grad()
    learner.reward_max += 1.5
    learner.backward(batch)
    torch.testing.assert_close(gradients(learner) * math.exp(2 * STRENGTH * 1.5), first)


def test_start_values_are_log_means_within_each_condition() -> None:
    learner = guidance()
    batch = rollout(learner, count=200)
    for shift in (0.0, 1.0):
        learner.observe(replace(batch, rewards=batch.rewards + shift))
    rewards = torch.cat([batch.rewards, batch.rewards + 1.0]).reshape(2, 100, 2)
    expected = -torch.logsumexp(STRENGTH * rewards.permute(2, 0, 1).flatten(1), dim=1) + math.log(200)
    torch.testing.assert_close(
        learner.value.initial_value(torch.tensor([0, 1])).double(), expected, rtol=1e-5, atol=1e-5
    )


def renoised(learner: ClassifierGuidance, batch: Rollout, part: int = 0, parts: int = 1) -> list[Any]:
    return list(learner._batches(batch, part, parts))


@pytest.mark.parametrize("replay", [0, 3])
def test_re_noised_points_have_the_law_of_the_process(replay: int) -> None:
    """x_t − α_t x₁ is β_t times standard normal noise, t is uniform, and every draw is another."""
    learner = guidance(renoise=True, replay=replay, chunk=7)
    batch = rollout(learner, steps=40, count=200)
    learner.observe(batch)
    ends = batch.trajectory.terminal.parts["x"]
    seen: list[tuple[Tensor, Tensor]] = []
    real = learner._renoised

    def spy(some: Any, start: float) -> Any:
        made = real(some, start)
        seen.append((some.states.parts["x"], made.times))
        assert bool((made.costs == some.costs).all())
        return made

    learner._renoised = spy  # type: ignore[method-assign]
    points = renoised(learner, batch)
    times, x = torch.cat([p.times for p in points]), torch.cat([p.states.parts["x"] for p in points])
    data = torch.cat([before for before, _ in seen])
    assert len(times) == 40 * 200
    assert float(times.min()) >= float(batch.trajectory.times[0])
    assert float(times.mean()) == pytest.approx(0.5, abs=4 / (12 * 8000) ** 0.5)
    noise = (x - times[:, None] * data) / (1 - times[:, None])
    assert float(noise.mean()) == pytest.approx(0, abs=4 / 16000**0.5)
    assert float(noise.var()) == pytest.approx(1, abs=0.05)
    assert bool((ends[None] == data[:50, None]).all(-1).any(1).all())
    total = sum(float(p.weights.sum()) for p in points) / 200
    assert total == pytest.approx(float(learner._weights(batch.trajectory.times).sum()))
    again = torch.cat([p.times for p in renoised(learner, batch)])
    assert not bool((again == times).any())


def test_every_reward_is_used_as_often_and_parts_share_the_points() -> None:
    learner = guidance(renoise=True)
    batch = rollout(learner, steps=12)
    learner.observe(batch)
    points = renoised(learner, batch, 1, 3)
    costs = torch.cat([p.costs for p in points])
    assert sorted(costs.tolist()) == sorted((-STRENGTH * batch.rewards).repeat(4).tolist())


def test_a_network_that_reads_endpoints_is_given_them_of_re_noised_points() -> None:
    model, calls = tiny_model(), []
    features = build_features(model, "A", torch.Generator().manual_seed(0), reads="endpoint")

    def predict(x: State, t: Tensor) -> State:
        calls.append(len(x))
        return model.predict_endpoint(x, t)

    options = ClassifierGuidanceOptions(renoise=True, replay=2)
    build = ClassifierGuidance.build
    learner = build(features, model.schedules, 1.0, conditions=[3, 4, 5], options=options, predict_endpoint=predict)
    generator = torch.Generator().manual_seed(0)
    start = model.noise(torch.tensor([3, 4, 5, 5]), 4, generator)
    path = simulate(model, start, time_grid(model.schedules, 6), keep_endpoints=True, generator=generator)
    batch = Rollout(path, torch.tensor([1.0, 2.0, 0.0, 1.0]), 1.0)
    learner.observe(batch)
    assert math.isfinite(learner.backward(batch)["loss"])
    assert sum(calls) == 24
    (points,) = renoised(learner, batch)
    assert isinstance(points.states, MoleculeState)
    torch.testing.assert_close(points.states.types.sum(-1), points.states.mask.float())  # probabilities
    with pytest.raises(ConfigError, match="re-noised points lack"):
        build(features, model.schedules, 1.0, conditions=[3, 4, 5], options=options)


@pytest.mark.parametrize(
    "bad", [{"form": "best"}, {"linear_above": 0.0}, {"linear_above": 41.0}, {"linear_above": math.nan}], ids=str
)
def test_bad_options_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(bad))):
        ClassifierGuidanceOptions(**bad)
