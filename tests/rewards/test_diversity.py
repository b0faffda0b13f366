from __future__ import annotations

import pytest

from molvm.errors import RewardError
from molvm.rewards import describe, parse_reward
from molvm.rewards.constraint import constraints_of
from molvm.rewards.diversity import PerScaffold, diverse, diversity_of
from tests.rewards.molecules import Fixed, from_smiles

WATER = from_smiles("O")


def test_is_the_reward_itself_outside_of_a_run() -> None:
    reward, inner = diverse(Fixed(0.4, unit="D", direction="minimise", floor=9.0), per_scaffold=1), Fixed(0.4)
    assert [outcome.value for outcome in reward([WATER] * 3)] == [inner.value] * 3
    assert (reward.name, reward.unit, reward.direction, reward.floor) == ("fixed", "D", "minimise", 9.0)


def test_a_run_finds_how_often_it_pays() -> None:
    reward = parse_reward("diverse(qed, 5, minimum=0.4, generic=true)")
    assert diversity_of(reward) == PerScaffold(5, 0.4, generic=True)
    assert diversity_of(Fixed()) is None
    assert "paid 5 times a generic scaffold in a run, counted from 0.4 on" in describe(reward)


def test_bounds_within_are_found_where_their_excesses_are() -> None:
    reward = parse_reward("diverse(constrained(logp, at_most(sa, 4)))")
    (constraint,) = constraints_of(reward)
    assert reward([from_smiles("CCO")])[0].details[constraint.key] < 0  # type: ignore[operator]


@pytest.mark.parametrize(
    "expression",
    [
        "diverse(qed, per_scaffold=0)",
        "diverse(qed, per_scaffold=2.5)",
        "diverse(qed, per_scaffold=true)",
        "diverse(qed, minimum=low)",
        "diverse(qed, generic=1)",
        "diverse(diverse(qed))",
        "constrained(diverse(qed), at_most(sa, 4))",
        "weighted_sum(diverse(qed), sa)",
    ],
)
def test_refuses_settings_that_mean_nothing(expression: str) -> None:
    with pytest.raises(RewardError):
        parse_reward(expression)
