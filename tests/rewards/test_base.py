from __future__ import annotations

import pytest
from faulty_rewards import Faulty

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards import Failure, Outcome, Reward
from molvm.rewards.base import FAILURE_KINDS, LONGEST_REASON, checked_outcomes


def helium(name: str, **properties: object) -> Molecule:
    return Molecule([2], [[0.0, 0.0, 0.0]], [0], [], [], id=name, properties=properties)  # type: ignore[arg-type]


def test_an_outcome_is_a_value_or_a_failure() -> None:
    failure = Failure("failed", "stage", "reason")
    assert Outcome("a", 1.0).ok
    assert not Outcome("a", None, failure=failure).ok
    for value, problem in ((None, None), (1.0, failure), (float("nan"), None), (float("inf"), None)):
        with pytest.raises(RewardError):
            Outcome("a", value, failure=problem)


def test_failures_have_known_kinds() -> None:
    assert set(FAILURE_KINDS) == {"invalid", "rejected", "failed", "timeout", "crashed", "cancelled", "reward_error"}
    with pytest.raises(RewardError, match="kind"):
        Failure("zero", "stage", "reason")  # type: ignore[arg-type]


def test_of_a_long_reason_the_beginning_is_kept() -> None:
    assert Failure("failed", "stage", "short").reason == "short"
    long = Failure("failed", "stage", "x" * 10_000_000).reason
    assert len(long) == LONGEST_REASON
    assert long.endswith("x…")


def test_a_molecule_reward_is_a_reward() -> None:
    assert isinstance(Faulty(), Reward)


def test_exceptions_and_numbers_that_are_not_finite_are_failures_of_their_molecule_only() -> None:
    molecules = [helium("a", value=1), helium("b", fault="raise"), helium("c", fault="nan"), helium("d", value=2)]
    outcomes = Faulty()(molecules)
    assert [outcome.id for outcome in outcomes] == ["a", "b", "c", "d"]
    assert [outcome.value for outcome in outcomes] == [1.0, None, None, 2.0]
    assert [outcome.failure.kind for outcome in outcomes if outcome.failure] == ["reward_error", "reward_error"]
    assert "on demand" in outcomes[1].failure.reason  # type: ignore[union-attr]
    assert all(outcome.seconds > 0 for outcome in outcomes)


@pytest.mark.parametrize("ids", [["a"], ["b", "a"], ["a", "b", "c"], ["a", "x"]])
def test_outcomes_must_match_the_molecules(ids: list[str]) -> None:
    with pytest.raises(RewardError):
        checked_outcomes("test", [helium("a"), helium("b")], [Outcome(name, 0.0) for name in ids])
