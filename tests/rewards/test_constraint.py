from __future__ import annotations

from functools import partial

import pytest

from molvm.errors import RewardError
from molvm.rewards import describe, parse_reward
from molvm.rewards.constraint import Constraint, at_least, at_most, constrained, constraints_of, keeps
from tests.rewards.molecules import Fixed, Whole, from_smiles

plain = partial(Fixed, desirability=False)

WATER, ETHANOL = from_smiles("O"), from_smiles("CCO")


def test_the_value_is_the_first_reward_and_the_details_have_the_excesses() -> None:
    reward = constrained(Fixed(0.5), at_most(plain(3.0, "heavy", "Da"), 2), at_least(plain(3.0, "light"), 2))
    outcome = reward([WATER])[0]
    assert outcome.value == 0.5
    assert outcome.details["heavy at most 2"] == 1.0
    assert outcome.details["light at least 2"] == -1.0
    assert (reward.name, reward.unit, reward.direction, reward.floor) == ("fixed", "", "maximise", 0.0)


def test_a_run_finds_the_bounds() -> None:
    bounds = (at_most(plain(3.0, "heavy", "Da"), 2), at_least(plain(3.0, "light"), 2, share=0.8))
    reward = constrained(Fixed(), *bounds)
    found = constraints_of(reward)
    assert found == (Constraint("heavy at most 2", None), Constraint("light at least 2", 0.8))
    outcome = reward([WATER])[0]
    assert all(constraint.key in outcome.details for constraint in found)
    assert constraints_of(Fixed()) == constraints_of(bounds[0]) == ()


def test_two_bounds_of_one_reward_are_told_apart() -> None:
    term = plain(3.0, "weight")
    reward = constrained(Fixed(), at_most(term, 4), at_most(term, 4, share=0.5))
    assert len({constraint.key for constraint in constraints_of(reward)}) == 2


@pytest.mark.parametrize(("value", "within"), [(1.0, True), (2.0, True), (2.1, False)])
def test_whether_a_molecule_keeps_them(value: float, within: bool) -> None:
    reward = constrained(Fixed(), at_most(plain(value, "heavy"), 2), at_least(plain(1.0, "light"), 0))
    constraints = constraints_of(reward)
    assert keeps(constraints, reward([WATER])[0]) is within
    assert keeps((), reward([WATER])[0]) is None
    assert keeps(constraints, Fixed(None).outcome(WATER)) is None


def test_what_fails_a_bound_fails() -> None:
    outcome = constrained(Fixed(), at_most(Fixed(None, "heavy"), 2))([WATER])[0]
    assert outcome.failure is not None


def test_bounds_of_rewards_of_whole_batches() -> None:
    outcomes = constrained(Fixed(), at_most(Whole(), 4))([WATER, ETHANOL])
    assert outcomes[0].failure is not None
    assert outcomes[1].details["whole at most 4"] == 5.0


@pytest.mark.parametrize(
    "expression",
    [
        "constrained(qed)",
        "constrained(qed, sa)",
        "constrained(at_most(sa, 4), at_most(sa, 4))",
        "constrained(constrained(qed, at_most(sa, 4)), at_most(sa, 3))",
        "weighted_sum(constrained(qed, at_most(sa, 4)), logp)",
        "sigmoid(constrained(logp, at_most(sa, 4)), 0, 1)",
        "at_most(constrained(logp, at_most(sa, 4)), 1)",
        "at_most(sa, many)",
        "at_most(sa, 4, share=0)",
        "at_most(sa, 4, share=1)",
        "at_least(sa, 4, share=half)",
    ],
)
def test_refuses_what_cannot_be_bounded(expression: str) -> None:
    with pytest.raises(RewardError):
        parse_reward(expression)


def test_is_described_with_its_bounds() -> None:
    text = describe(parse_reward("constrained(dipole, at_most(sa, 4), at_least(qed, 0.5, share=0.9))"))
    assert "sa at most 4: minimise" in text
    assert "kept in the mean" in text
    assert "kept by 90% of the molecules" in text
