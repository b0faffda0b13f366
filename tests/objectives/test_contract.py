"""What every objective promises the trainer, whichever it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from molvm.errors import CheckpointError, ConfigError, DivergenceError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.objectives import (
    ClassifierGuidance,
    ClassifierGuidanceOptions,
    Objective,
    Rollout,
    ValueMatching,
    ValueMatchingOptions,
    ValueObjective,
)
from molvm.schedules import LinearSchedule
from molvm.sde import simulate, time_grid
from molvm.values.points import PointValue, PointValueConfig

CLASSES = (
    GaussianMixture.of([1.0], [[0.0, 0.0]], [[0.5, 0.5]]),
    GaussianMixture.of([1.0], [[2.0, -1.0]], [[0.5, 0.5]]),
)
MODEL = GaussianMixtureModel(CLASSES, LinearSchedule())
STRENGTH = 2.0

KINDS: dict[str, Callable[..., tuple[type[ValueObjective[Any]], Any]]] = {
    "value matching": lambda **options: (ValueMatching, ValueMatchingOptions(**options)),
    "stable guidance": lambda **options: (ClassifierGuidance, ClassifierGuidanceOptions(**options)),
    "log-scaled guidance": lambda **options: (
        ClassifierGuidance,
        ClassifierGuidanceOptions(form="log_scaled", **options),
    ),
    "faithful guidance": lambda **options: (ClassifierGuidance, ClassifierGuidanceOptions(form="faithful", **options)),
    "re-noised guidance": lambda **options: (ClassifierGuidance, ClassifierGuidanceOptions(renoise=True, **options)),
}

REPEATABLE = [kind for kind in KINDS if kind != "re-noised guidance"]
"""Those that take the same points each time they are asked."""


def objective(kind: str, strength: float = STRENGTH, width: int = 16, **options: Any) -> ValueObjective[Any]:
    network = PointValue(2, PointValueConfig(width=width, depth=2), classes=2)
    torch.nn.init.normal_(network.layers[-1].weight, std=0.1, generator=torch.Generator().manual_seed(3))
    algorithm, chosen = KINDS[kind](**options)
    made: ValueObjective[Any] = algorithm.build(
        network.double(), MODEL.schedules, strength, conditions=[0, 1], options=chosen
    )
    made.value.double()
    made.control.double()
    return made


def rollout(learner: ValueObjective[Any], steps: int = 12, count: int = 10) -> Rollout:
    generator = torch.Generator().manual_seed(0)
    condition = torch.arange(count) % 2
    start = MODEL.noise(condition, count, generator)
    grid = time_grid(MODEL.schedules, steps)
    path = simulate(MODEL, start, grid, control=learner.behaviour, generator=generator)
    return Rollout(path, path.terminal.parts["x"].sum(1), learner.value.strength)


def gradients(learner: ValueObjective[Any]) -> torch.Tensor:
    return torch.cat([parameter.grad.flatten() for parameter in learner.parameters() if parameter.grad is not None])


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_metrics_are_finite_and_named(kind: str) -> None:
    learner = objective(kind)
    batch = rollout(learner)
    metrics = {**learner.observe(batch), **learner.backward(batch)}
    assert set(metrics) == {"loss", "kl", "value_error", "log_z_lower", "log_z", "kl_gap", "ess"}
    assert all(math.isfinite(value) for value in metrics.values())
    assert metrics["kl"] == pytest.approx(float(batch.trajectory.path_cost.mean()))
    assert isinstance(learner, Objective)


def test_samples_are_steered_whatever_the_rollouts_are(kind: str) -> None:
    learner = objective(kind)
    assert learner.control is learner.value
    assert learner.behaviour is (learner.control if kind == "value matching" else None)


def test_gradients_add_up() -> None:
    for kind in REPEATABLE:
        learner = objective(kind)
        batch = rollout(learner)
        learner.observe(batch)
        learner.backward(batch)
        once = gradients(learner).clone()
        learner.backward(batch)
        torch.testing.assert_close(gradients(learner), 2 * once)


@pytest.mark.parametrize("kind", REPEATABLE)
@pytest.mark.parametrize("parts", [2, 3, 40])
def test_the_mean_over_the_parts_is_the_loss(parts: int, kind: str) -> None:
    learner = objective(kind)
    batch = rollout(learner)
    learner.observe(batch)
    loss = learner.backward(batch)["loss"]
    whole = gradients(learner).clone()
    learner.value.zero_grad()
    losses = [learner.backward(batch, part, parts)["loss"] for part in range(parts)]
    assert sum(losses) / parts == pytest.approx(loss, rel=1e-10)
    torch.testing.assert_close(gradients(learner) / parts, whole, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("memory", [{}, {"replay": 2, "average": 0.9}], ids=["plain", "memory"])
def test_a_restored_objective_goes_on_to_the_last_bit(kind: str, memory: dict[str, Any]) -> None:
    learner, other = objective(kind, **memory), objective(kind, width=16, **memory)
    batch = rollout(learner)
    learner.observe(batch)
    learner.backward(batch)
    other.load_state_dict({name: tensor.clone() for name, tensor in learner.state_dict().items()})
    found = []
    for each in (learner, other):
        each.value.zero_grad()
        each.observe(batch)
        each.backward(batch)
        each.after_step()
        found.append((gradients(each), each.state_dict()))
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1].keys() == found[1][1].keys()
    assert all(torch.equal(tensor, found[1][1][name]) for name, tensor in found[0][1].items())


def test_the_state_of_something_else_is_refused(kind: str) -> None:
    with pytest.raises(CheckpointError, match="does not fit"):
        objective(kind).load_state_dict({"baseline": torch.zeros(2)})


@pytest.mark.parametrize("strength", [0.0, -1.0, math.nan, math.inf])
def test_a_useless_strength_is_refused(strength: float, kind: str) -> None:
    with pytest.raises(ConfigError, match="strength λ"):
        objective(kind, strength=strength)


def test_a_rollout_of_another_run_is_refused(kind: str) -> None:
    learner = objective(kind)
    batch = rollout(learner)
    with pytest.raises(ConfigError, match="λ = 3"):
        learner.backward(replace(batch, strength=3.0))
    short = replace(batch, trajectory=replace(batch.trajectory, states=batch.trajectory.states[-1:]))
    with pytest.raises(ConfigError, match="all states"):
        learner.backward(short)


def test_a_broken_network_is_reported(kind: str) -> None:
    learner = objective(kind)
    batch = rollout(learner)
    learner.observe(batch)
    with torch.no_grad():
        next(iter(learner.parameters())).fill_(math.nan)
    with pytest.raises(DivergenceError, match="loss is nan"):
        learner.backward(batch)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("replay", -1),
        ("replay_points", 0),
        ("chunk", 0),
        ("average", 1.0),
        ("baseline_window", -1.0),
        ("baseline_window", math.nan),
    ],
)
def test_options_out_of_range(kind: str, name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        KINDS[kind](**{name: value})


def test_old_rollouts_are_learned_from(kind: str) -> None:
    """Points of both rollouts are remembered; with re-noising their ends."""
    learner = objective(kind, replay=2, replay_points=100)
    first, second = rollout(learner, steps=12), rollout(learner, steps=7)
    learner.observe(first)
    learner.observe(second)
    assert learner.memory is not None
    assert learner.memory.points is not None
    times = {round(float(t), 6) for t in learner.memory.points.times}
    grids = [*first.trajectory.times[:-1], *second.trajectory.times[:-1]]
    assert times == ({1.0} if kind == "re-noised guidance" else {round(float(t), 6) for t in grids})
    assert len(learner.memory.points) == (20 if kind == "re-noised guidance" else 190)


def test_the_average_follows_the_weights_and_steers(kind: str) -> None:
    learner = objective(kind, average=0.9)
    assert learner.control is not learner.value
    weight, mean = learner.value.features.layers[0].weight, learner.control.features.layers[0].weight
    expected = 1.0
    for step in range(400):
        torch.nn.init.constant_(weight, 1.0 + step % 3)
        learner.after_step()
        decay = min(0.9, (1 + step) / (10 + step)) if step else 0.0  # the first weights are the average
        expected = decay * expected + (1 - decay) * (1.0 + step % 3)
        torch.testing.assert_close(mean, torch.full_like(mean, expected))
    learner.observe(rollout(learner))
    assert torch.equal(learner.control.baseline, learner.value.baseline)
    assert learner.control.unit == learner.value.unit


def test_the_chunk_does_not_matter(kind: str) -> None:
    """The same points are taken and summed, whatever is held at once."""
    if kind == "re-noised guidance":
        return  # its draws follow the batches
    for replay in (0, 2):
        found = []
        for chunk in (1, 5, 100):
            learner = objective(kind, chunk=chunk, replay=replay)
            batch = rollout(learner)
            learner.observe(batch)
            learner.backward(batch)
            found.append(gradients(learner))
        torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-13)
        torch.testing.assert_close(found[2], found[0], rtol=1e-9, atol=1e-13)


def test_it_starts_from_another_value_function_at_its_own_strength(kind: str) -> None:
    earlier, later = objective("value matching"), objective(kind, strength=2 * STRENGTH, average=0.9)
    earlier.observe(rollout(earlier))
    torch.nn.init.normal_(next(earlier.value.features.parameters()))
    later.start_from(earlier.value)
    for mine, its in zip(later.control.features.parameters(), earlier.value.features.parameters(), strict=True):
        assert torch.equal(mine, its)
    both = torch.tensor([0, 1])
    torch.testing.assert_close(later.value.initial_value(both), 2 * earlier.value.initial_value(both))
    assert bool(earlier.value.initial_value(both).any())
    assert float(later.value.baseline_count.max()) <= later.guess_count
    with pytest.raises(CheckpointError, match="does not fit"):
        objective(kind, width=8).start_from(earlier.value)


def test_the_unit_of_the_reward_does_not_matter() -> None:
    """With λ in one over that unit. But for the faithful form, which knows one unit: exp(λ) is that of r = 1."""
    for kind in ("value matching", "stable guidance", "log-scaled guidance"):
        found = []
        for unit in (1.0, 100.0):
            learner = objective(kind, strength=STRENGTH / unit)
            torch.nn.init.zeros_(learner.value.features.layers[-1].weight)
            batch = rollout(learner)
            batch = replace(batch, rewards=unit * batch.rewards)
            learner.observe(batch)
            learner.backward(batch)
            found.append(gradients(learner))
        assert float(found[0].norm()) > 1e-6
        torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-9)
