"""What outcomes are worth, and that failing never pays."""

from __future__ import annotations

import math

import pytest
import torch

from molvm.errors import RewardError
from molvm.rewards.base import Direction, Failure, Outcome
from molvm.training.worth import frozen_floor, worth


def valued(*values: float | None) -> list[Outcome]:
    """An outcome for each number; a failure for None."""
    failure = Failure("invalid", "valence", "no such molecule")
    return [
        Outcome(str(index), value, failure=failure if value is None else None) for index, value in enumerate(values)
    ]


def test_values_keep_their_order_and_failures_count_as_the_floor() -> None:
    assert worth(valued(1.5, None, -2.0), "maximise", -7.0).tolist() == [1.5, -7.0, -2.0]


def test_a_reward_to_minimise_changes_its_sign_floor_and_all() -> None:
    assert worth(valued(1.5, None, -2.0), "minimise", 7.0).tolist() == [-1.5, -7.0, 2.0]


@pytest.mark.parametrize(("direction", "floor"), [("maximise", -1.0), ("minimise", 1.0)])
def test_a_value_worse_than_the_floor_is_worth_as_much_as_a_failure(direction: Direction, floor: float) -> None:
    """The floor may be the worst of a small batch; what comes later may be worse."""
    failed, bad, good = worth(valued(None, 3.0 * floor, -2.0 * floor), direction, floor).tolist()
    assert failed == bad == -1.0
    assert good == 2.0


def test_no_outcomes_are_no_numbers() -> None:
    rewards = worth([], "maximise", 0.0)
    assert rewards.shape == (0,)
    assert rewards.dtype == torch.float32


@pytest.mark.parametrize("direction", ["maximise", "minimise"])
@pytest.mark.parametrize("seed", range(5))
def test_no_failure_is_worth_more_than_the_worst_valid_value(direction: Direction, seed: int) -> None:
    values = torch.randn(20, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).mul(3).tolist()
    outcomes = valued(*values, None, None)
    rewards = worth(outcomes, direction, frozen_floor(None, outcomes, direction))
    assert bool((rewards[-2:] == rewards[:-2].min()).all())


def test_one_valid_value_is_enough() -> None:
    for direction in ("maximise", "minimise"):
        assert frozen_floor(None, valued(None, 4.0, None), direction) == 4.0


@pytest.mark.parametrize("declared", [-3.0, 0.0])
def test_a_declared_floor_stands(declared: float) -> None:
    for outcomes in (valued(-10.0, 5.0), valued(None, None), []):
        assert frozen_floor(declared, outcomes, "maximise") == declared


def test_nothing_to_derive_a_floor_from() -> None:
    for outcomes in (valued(None, None), []):
        with pytest.raises(RewardError, match="failed on the whole base batch"):
            frozen_floor(None, outcomes, "maximise")


def test_the_floor_is_finite_because_values_are() -> None:
    assert math.isfinite(frozen_floor(None, valued(-1e300, 1e300), "maximise"))
