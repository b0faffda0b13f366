"""Multipliers against problems whose answer is known: Gaussians tilted by exactly what the last round cost."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from molvm.errors import CheckpointError, ConfigError
from molvm.rewards.base import Failure, Outcome
from molvm.rewards.constraint import Constraint
from molvm.training.lagrangian import AugmentedLagrangian, LagrangianOptions

LAMBDA = 2.0
MEAN = Constraint("x", None)
SHARE = Constraint("x", 0.9)
FAILED = Failure("failed", "test", "on purpose")


def outcome(excess: float, value: float = 0.0) -> Outcome:
    return Outcome("", value, details={"x": excess})


def step(method: AugmentedLagrangian, excesses: Tensor) -> tuple[Tensor, dict[str, float]]:
    """A round in which the reward of a molecule is the coordinate that is bounded; what each lost, and the metrics."""
    outcomes = [outcome(float(excess)) for excess in excesses]
    adjusted, metrics = method([None] * len(outcomes), outcomes, excesses.clone())
    return excesses - adjusted, dict(metrics)


def tilted_mean(loss: Tensor, excesses: Tensor, noise: Tensor) -> Tensor:
    """Draws of N(0, 1) tilted by λ (x − loss(x)), the loss being linear with slope m: of N(λ(1 − m), 1)."""
    slope = (loss[1] - loss[0]) / (excesses[1] - excesses[0])
    return LAMBDA * (1 - slope) + noise


def tilted_share(loss: Tensor, excesses: Tensor, noise: Tensor) -> Tensor:
    """The same where the loss is a step of height h at 0: positive draws of N(λ, 1) weigh exp(−λ h)."""
    height = float(loss[0]) / (0.9 if excesses[0] > 0 else -0.1)
    normal = torch.distributions.Normal(0.0, 1.0)
    below_mass = float(normal.cdf(torch.tensor(-LAMBDA)))
    above_mass = (1 - below_mass) * math.exp(-LAMBDA * height)
    positive = torch.rand(len(noise), dtype=noise.dtype) < above_mass / (below_mass + above_mass)
    uniform = normal.cdf(noise)
    low, high = torch.where(positive, below_mass, 0.0), torch.where(positive, 1.0, below_mass)
    return LAMBDA + normal.icdf((low + uniform * (high - low)).clamp(1e-9, 1 - 1e-9))


@pytest.mark.parametrize(
    ("constraint", "tilt", "expected"),
    [(MEAN, tilted_mean, 0.0), (SHARE, tilted_share, 0.9)],
    ids=["mean", "share"],
)
def test_the_bound_is_met_and_no_more(
    constraint: Constraint, tilt: Callable[[Tensor, Tensor, Tensor], Tensor], expected: float
) -> None:
    torch.manual_seed(1)
    method, excesses, measured = AugmentedLagrangian([constraint]), torch.randn(64, dtype=torch.float64), []
    for _ in range(300):
        loss, metrics = step(method, excesses)
        measured.append(metrics.get("excess.x", metrics.get("kept.x")))
        excesses = tilt(loss, excesses, torch.randn(64, dtype=torch.float64))
    assert sum(measured[-100:]) / 100 == pytest.approx(expected, abs=0.03)
    if constraint is MEAN:  # λ (1 − m) = 0
        assert metrics["multiplier.x"] == pytest.approx(1.0, abs=0.05)


def test_a_bound_that_is_kept_anyway_costs_nothing() -> None:
    method = AugmentedLagrangian([MEAN, Constraint("y", 0.5)])
    outcomes = [Outcome("", 1.0, details={"x": -1.0 - index, "y": -1.0}) for index in range(8)]
    rewards = torch.arange(8.0)
    for _ in range(5):
        adjusted, metrics = method([None] * 8, outcomes, rewards)
        assert torch.equal(adjusted, rewards)
    assert metrics["multiplier.x"] == metrics["multiplier.y"] == 0
    assert metrics["kept.y"] == 1


@pytest.mark.parametrize(("reward_unit", "excess_unit"), [(1000.0, 1.0), (1.0, 0.01), (0.1, 50.0)])
def test_units_do_not_matter(reward_unit: float, excess_unit: float) -> None:
    """What is lost scales with the reward's unit, and not at all with the excess's."""
    excesses, values = [2.0, -1.0, 0.5, 3.0], torch.tensor([1.0, 2.0, 5.0, 3.0])
    plain, scaled = AugmentedLagrangian([MEAN]), AugmentedLagrangian([MEAN])
    for _ in range(4):
        adjusted, _ = plain([None] * 4, [outcome(excess) for excess in excesses], values)
        other, _ = scaled([None] * 4, [outcome(excess * excess_unit) for excess in excesses], values * reward_unit)
        torch.testing.assert_close(other, adjusted * reward_unit, rtol=1e-5, atol=1e-5 * reward_unit)


@pytest.mark.parametrize("constraint", [MEAN, SHARE])
def test_no_failure_is_worth_more_than_a_molecule(constraint: Constraint) -> None:
    torch.manual_seed(2)
    method, floor = AugmentedLagrangian([constraint]), -3.0
    for _ in range(20):
        excesses = 3 * torch.rand(16) + 0.1
        outcomes = [Outcome("", None, failure=FAILED), *(outcome(float(excess)) for excess in excesses)]
        rewards = torch.cat([torch.tensor([floor]), floor + torch.rand(16)])
        adjusted, _ = method([None] * 17, outcomes, rewards)
        assert bool((adjusted[1:] >= adjusted[0]).all())
    assert adjusted[0] < floor


def test_a_batch_of_failures_changes_nothing() -> None:
    method = AugmentedLagrangian([MEAN])
    rewards = torch.full((3,), -1.0)
    before = method.state_dict()
    adjusted, metrics = method([None] * 3, [Outcome("", None, failure=FAILED)] * 3, rewards)
    assert torch.equal(adjusted, rewards)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert all(math.isfinite(value) for value in metrics.values())


def test_molecules_that_are_all_alike_have_no_scale() -> None:
    adjusted, _ = AugmentedLagrangian([MEAN])([None] * 2, [outcome(1.0)] * 2, torch.ones(2))
    assert bool(torch.isfinite(adjusted).all())


def test_goes_on_from_its_state() -> None:
    first, second = AugmentedLagrangian([MEAN]), AugmentedLagrangian([MEAN])
    batches = torch.randn(6, 8, generator=torch.Generator().manual_seed(0)) + 1
    for batch in batches[:3]:
        step(first, batch)
    second.load_state_dict(first.state_dict())
    for batch in batches[3:]:
        (mine, my_metrics), (theirs, their_metrics) = step(first, batch), step(second, batch)
        assert torch.equal(mine, theirs)
        assert my_metrics == their_metrics


def test_refuses_the_state_of_other_bounds() -> None:
    with pytest.raises(CheckpointError, match="2 bounds"):
        AugmentedLagrangian([MEAN, MEAN]).load_state_dict(AugmentedLagrangian([MEAN]).state_dict())


@pytest.mark.parametrize("name", ["penalty", "rate", "window"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_refuses_settings_that_mean_nothing(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"constraints.{name}"):
        LagrangianOptions(**{name: value})
