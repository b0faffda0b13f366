from __future__ import annotations

import pytest
import torch

from molvm.rewards.base import Failure, Outcome
from molvm.runs.config import RewardSection
from molvm.runs.failure_watch import FailureWatch
from molvm.training.trainer import Iteration


def iteration(failed: int, count: int = 10, stage: str = "size", reason: str = "too many atoms") -> Iteration:
    failure = Failure("rejected", stage, reason)
    outcomes = [Outcome("", None, failure=failure)] * failed + [Outcome("", 1.0)] * (count - failed)
    return Iteration(0, {}, [None] * count, outcomes, torch.zeros(count), torch.zeros(count))


def gives_up(failed: list[int], share: float = 0.9, patience: int = 3) -> bool:
    watch = FailureWatch(RewardSection(max_failures=share, patience=patience))
    for count in failed:
        watch.observe(iteration(count))
    return watch.gives_up


@pytest.mark.parametrize(
    ("failed", "expected"),
    [([9, 10, 9], True), ([9, 10], False), ([9, 10, 8], False), ([9, 9, 8, 9, 9], False), ([8, 9, 9, 9], True)],
)
def test_gives_up_after_so_many_rounds_in_a_row(failed: list[int], expected: bool) -> None:
    assert gives_up(failed) is expected


def test_says_where_most_went_wrong() -> None:
    """Whatever each reason says: those of one stage name other atoms each time."""
    watch = FailureWatch(RewardSection(max_failures=0.5, patience=2))
    for atom in range(2):
        watch.observe(iteration(6, stage="valences", reason=f"atom {atom} has five bonds"))
    watch.observe(iteration(7))
    error = watch.error()
    assert "12 of 19 times at valences; the last of these: atom 1 has five bonds" in str(error)
    assert "50%" in str(error)
    assert "last 3 rounds" in str(error)
