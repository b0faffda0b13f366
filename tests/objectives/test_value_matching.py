from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from molvm.errors import ConfigError, RewardError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.objectives import Rollout, ValueMatching, ValueMatchingOptions
from molvm.schedules import LinearSchedule
from molvm.sde import simulate, time_grid
from molvm.values.points import PointValue, PointValueConfig

CLASSES = (
    GaussianMixture.of([1.0], [[0.0, 0.0]], [[0.5, 0.5]]),
    GaussianMixture.of([1.0], [[2.0, -1.0]], [[0.5, 0.5]]),
)
MODEL = GaussianMixtureModel(CLASSES, LinearSchedule())
STRENGTH = 2.0


def objective(options: ValueMatchingOptions | None = None, strength: float = STRENGTH) -> ValueMatching:
    network = PointValue(2, PointValueConfig(width=16, depth=2), classes=2)
    torch.nn.init.normal_(network.layers[-1].weight, std=0.3, generator=torch.Generator().manual_seed(3))
    made = ValueMatching.build(network.double(), MODEL.schedules, strength, conditions=[0, 1], options=options)
    made.value.double()
    made.control.double()
    return made


def rollout(learner: ValueMatching, steps: int = 12, count: int = 10) -> Rollout:
    generator = torch.Generator().manual_seed(0)
    condition = torch.arange(count) % 2
    start = MODEL.noise(condition, count, generator)
    grid = time_grid(MODEL.schedules, steps)
    path = simulate(MODEL, start, grid, control=learner.control, generator=generator)
    return Rollout(path, path.terminal.parts["x"].sum(1), learner.value.strength)


def gradients(learner: ValueMatching) -> torch.Tensor:
    return torch.cat([parameter.grad.flatten() for parameter in learner.parameters() if parameter.grad is not None])


def by_the_formula(learner: ValueMatching, batch: Rollout, terminal_weight: float = 0.0) -> torch.Tensor:
    """Σ_k dt_k w(t_k) ½ mean (V(x_k, t_k) − Ĵ_k)², Ĵ_k = Σ_{j≥k} ½|w_j|² − λr, w = 1/(λ²(t − ln t)), in one graph."""
    path, loss = batch.trajectory, torch.zeros((), dtype=torch.float64)
    dt = path.times.diff().tolist()
    dt.append(terminal_weight * dt[-1])
    weighted = learner.options.weighting == "paper"
    for k, step in enumerate(dt):
        t = float(path.times[k])
        target = path.running_cost[k:].sum(0) - batch.strength * batch.rewards
        if learner.options.ito:
            target = target + path.ito[k:].sum(0)
        error = learner.value(path.states[k], torch.full((10,), t, dtype=torch.float64)) - target
        weight = 1 / (t - math.log(t)) if weighted else 1.0
        loss = loss + step / batch.strength**2 * weight * error.square().mean() / 2
    return loss


def test_a_trace_mixes_the_path_with_the_values_on_it() -> None:
    learner = objective(ValueMatchingOptions(ito=True, trace=0.4, baseline_window=0))
    batch = rollout(learner)
    path, keep = batch.trajectory, torch.exp(-batch.trajectory.times.diff() / 0.4)
    paid = path.running_cost + path.ito
    expected = [-batch.strength * batch.rewards]
    for k in reversed(range(path.steps)):
        value = learner.value(path.states[k + 1], path.times[k + 1].expand(10)).detach()
        ahead = expected[0] if k + 1 == path.steps else keep[k] * expected[0] + (1 - keep[k]) * value
        expected.insert(0, paid[k] + ahead)
    torch.testing.assert_close(learner._cost_to_go(batch), torch.stack(expected))


def test_a_long_trace_is_the_path_itself_and_a_short_one_looks_a_step_ahead() -> None:
    batch = rollout(objective())
    plain = objective(ValueMatchingOptions(ito=True))._cost_to_go(batch)
    torch.testing.assert_close(objective(ValueMatchingOptions(ito=True, trace=1e9))._cost_to_go(batch), plain)
    learner, path = objective(ValueMatchingOptions(ito=True, trace=1e-9)), batch.trajectory
    value = learner.value(path.states[4], path.times[4].expand(10)).detach()
    torch.testing.assert_close(learner._cost_to_go(batch)[3], path.running_cost[3] + path.ito[3] + value)


def test_targets_with_a_trace_stay_during_the_steps_on_a_rollout() -> None:
    learner = objective(ValueMatchingOptions(ito=True, trace=0.4))
    batch = rollout(learner)
    learner.observe(batch)
    before = learner._cost_to_go(batch)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.add_(0.1)
    assert learner._cost_to_go(batch) is before
    other = rollout(learner, count=6)
    assert learner._cost_to_go(other).shape == (13, 6)


@pytest.mark.parametrize("other", [{"ito": False}, {"horizon": 0.5}, {"retarget": True, "replay": 2}], ids=str)
def test_what_does_not_go_with_a_trace_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"trace is 0\.3"):
        ValueMatchingOptions(**{"ito": True, "trace": 0.3, **other})
    with pytest.raises(ConfigError, match="trace is -1"):
        ValueMatchingOptions(ito=True, trace=-1)


@pytest.mark.parametrize(
    "chosen",
    [
        {"terminal_weight": terminal_weight, "ito": ito, "weighting": weighting}
        for terminal_weight, ito, weighting in [
            (0.0, False, "paper"),
            (0.0, True, "paper"),
            (0.5, False, "paper"),
            (0.5, True, "paper"),
            (0.5, False, "none"),
        ]
    ],
    ids=str,
)
@pytest.mark.parametrize("chunk", [1, 5, 100])
def test_loss_and_gradients_are_those_of_the_paper(chunk: int, chosen: dict[str, Any]) -> None:
    learner = objective(ValueMatchingOptions(chunk=chunk, baseline_window=0, **chosen))
    batch = rollout(learner)
    metrics = learner.backward(batch)
    found = gradients(learner)
    learner.value.zero_grad()
    expected = by_the_formula(learner, batch, chosen["terminal_weight"])
    expected.backward()
    assert metrics["loss"] == pytest.approx(float(expected.detach()), rel=1e-10)
    torch.testing.assert_close(found, gradients(learner), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("parts", [2, 3])
def test_the_mean_over_the_parts_is_the_loss(parts: int) -> None:
    learner = objective(ValueMatchingOptions(terminal_weight=0.5))
    batch = rollout(learner)
    loss = learner.backward(batch)["loss"]
    whole = gradients(learner).clone()
    learner.value.zero_grad()
    losses = [learner.backward(batch, part, parts)["loss"] for part in range(parts)]
    assert sum(losses) / parts == pytest.approx(loss, rel=1e-10)
    torch.testing.assert_close(gradients(learner) / parts, whole, rtol=1e-9, atol=1e-13)


def test_baseline_is_the_mean_within_each_condition() -> None:
    """With and without the Itô integral; the first estimate of a condition is drawn to the common mean a little."""
    for ito in (True, False):
        learner = objective(ValueMatchingOptions(baseline_ito=ito))
        batch = rollout(learner, count=200)
        for _ in range(30):
            learner.observe(batch)
        targets = batch.trajectory.path_cost - STRENGTH * batch.rewards
        if ito:
            targets = targets + batch.trajectory.ito.sum(0)
        expected = torch.stack([targets[0::2].mean(), targets[1::2].mean()])
        found = learner.value.initial_value(torch.tensor([0, 1]))
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("strength", [0.0, -1.0, math.nan, math.inf])
def test_a_useless_strength_is_refused(strength: float) -> None:
    with pytest.raises(ConfigError, match="strength λ"):
        objective(strength=strength)
    with pytest.raises(ConfigError, match="strength λ"):
        replace(rollout(objective()), strength=strength)


def test_bad_rewards_are_refused() -> None:
    batch = rollout(objective())
    with pytest.raises(RewardError, match="1 of 10 rewards are not finite"):
        replace(batch, rewards=torch.tensor([math.nan] + [0.0] * 9))
    with pytest.raises(RewardError, match="for 10 samples"):
        replace(batch, rewards=torch.zeros(9))


@pytest.mark.parametrize(
    "bad",
    [
        {"chunk": 0},
        {"terminal_weight": -1.0},
        {"baseline_window": math.nan},
        {"terminal_weight": math.inf},
        {"weighting": "x"},
    ],
    ids=str,
)
def test_bad_options_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(bad))):
        ValueMatchingOptions(**bad)  # type: ignore[arg-type]


def test_with_a_memory_of_everything_the_loss_is_the_same_on_average() -> None:
    """Of one rollout, all of whose points are remembered: the mean over many draws is the loss of the paper."""
    plain, remembering = (
        objective(ValueMatchingOptions(baseline_window=0, replay=replay, replay_points=100)) for replay in (0, 1)
    )
    batch = rollout(plain)
    for learner in (plain, remembering):
        learner.observe(batch)
    expected = plain.backward(batch)["loss"]
    count = 400
    losses = torch.tensor([remembering.backward(batch, 0, 2)["loss"] for _ in range(count)])
    assert abs(float(losses.mean()) - expected) < 4 * float(losses.std()) / count**0.5
    mean = gradients(remembering) / count
    torch.testing.assert_close(mean, gradients(plain), rtol=0, atol=0.1 * float(gradients(plain).norm()))


def value_after_training(unit: float) -> torch.Tensor:
    """V after a few steps, the reward given in another unit and λ in one over that unit."""
    learner = objective(ValueMatchingOptions(baseline_window=0), STRENGTH / unit)
    torch.nn.init.zeros_(learner.value.features.layers[-1].weight)
    batch = rollout(learner)
    batch = replace(batch, rewards=unit * batch.rewards)
    learner.observe(batch)
    assert float(learner.value.scale) == pytest.approx(float(batch.rewards.std(correction=0)))
    optimiser = torch.optim.Adam(learner.parameters(), lr=1e-2)
    for _ in range(20):
        optimiser.zero_grad()
        learner.backward(batch)
        optimiser.step()
    return learner.value(batch.trajectory.states[6], torch.full((10,), 0.5, dtype=torch.float64)).detach()


def test_the_unit_of_the_reward_does_not_matter() -> None:
    """f learns in deviations of the reward."""
    expected = value_after_training(1.0)
    assert expected.std() > 0.1
    for unit in (1e-2, 1e2):
        torch.testing.assert_close(value_after_training(unit), expected, rtol=1e-3, atol=1e-3)


def test_a_scale_is_settled_once_and_by_rewards_that_differ() -> None:
    value = objective().value
    value.settle_scale(torch.tensor([2.0, 2.0]))
    assert float(value.scale) == 0
    value.settle_scale(torch.tensor([1.0, 3.0]))
    value.settle_scale(torch.tensor([10.0, 30.0]))
    assert float(value.scale) == 1


def test_targets_look_ahead_by_the_horizon() -> None:
    """The cost from t_k to the first t_k' ≥ t_k + h and V there, by the averaged weights; near the end the reward."""
    learner = objective(ValueMatchingOptions(horizon=0.25, ito=True, average=0.5))
    torch.nn.init.normal_(learner.control.features.layers[-1].weight, std=0.5)
    batch = rollout(learner)
    learner.observe(batch)
    path, last = batch.trajectory, batch.trajectory.steps
    points = learner._points(batch, torch.arange(last))
    found = learner._targets(points).reshape(last, -1)
    for k in range(last):
        later = next((j for j in range(k, last + 1) if path.times[j] >= path.times[k] + 0.25), last)
        paid = (path.running_cost[k:later] + path.ito[k:later]).sum(0)
        if later == last:
            expected = paid - batch.strength * batch.rewards
        else:
            expected = paid + learner.control(path.states[later], path.times[later].expand(10)).detach()
        torch.testing.assert_close(found[k], expected)
    assert points.ahead is not None
    assert bool((points.times_ahead == 1).any())


@pytest.mark.parametrize(
    ("name", "value"),
    [("replay", -1), ("replay_points", 0), ("chunk", 0), ("horizon", 0.0), ("horizon", 1.1), ("average", 1.0)],
)
def test_options_out_of_range(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        ValueMatchingOptions(**{name: value})


def test_the_chunk_does_not_matter_to_a_memory() -> None:
    """The same points are drawn and summed, whatever is held at once."""
    found = []
    for chunk in (1, 5, 100):
        learner = objective(ValueMatchingOptions(replay=2, horizon=0.3, chunk=chunk))
        batch = rollout(learner)
        learner.observe(batch)
        learner.backward(batch)
        found.append(gradients(learner))
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-13)
    torch.testing.assert_close(found[2], found[0], rtol=1e-9, atol=1e-13)
