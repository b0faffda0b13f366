from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from molvm.errors import RewardError
from molvm.rewards import isolated, linear, product, qed, tpsa, weighted_sum
from molvm.rewards.base import MoleculeReward, Reward
from molvm.rewards.composite import BatchComposite, Composite, require_terms, unique_names
from tests.rewards.molecules import Fixed, Whole, from_smiles

WATER, METHANE, PIECES = (from_smiles(smiles) for smiles in ("O", "C", "O.O"))


def test_the_cheapest_term_looks_first_and_a_failure_spares_the_others() -> None:
    dear, cheap = Fixed(name="dear", cost=9.0), Fixed(None, "cheap", cost=0.1)
    outcome = product(dear, cheap)([WATER])[0]
    assert outcome.failure == cheap.outcome(WATER).failure
    assert dear.seen == []
    assert qed().cost < Fixed().cost
    assert product(qed(), dear)([PIECES, WATER])[0].failure is not None
    assert dear.seen == [WATER.id]


def test_details_carry_every_term_under_a_name_of_its_own() -> None:
    outcome = product(Fixed(0.5), Fixed(0.25), Fixed(1.0, "other"))([WATER])[0]
    assert outcome.value == 0.125
    assert {key: value for key, value in outcome.details.items() if "." not in key} == {
        "fixed": 0.5,
        "fixed 2": 0.25,
        "other": 1.0,
    }
    assert outcome.details["fixed 2.detail"] == 7.0
    assert unique_names([Fixed(name="a"), Fixed(name="a 2"), Fixed(name="a")]) == ["a", "a 2", "a 3"]


def test_terms_of_single_molecules_make_a_reward_of_single_molecules() -> None:
    reward = weighted_sum(qed(), linear(tpsa(), 0, 100))
    assert isinstance(reward, Composite)
    assert pickle.loads(pickle.dumps(reward)) == reward  # noqa: S301
    assert hash(reward) == hash(weighted_sum(qed(), linear(tpsa(), 0, 100)))
    assert reward != weighted_sum(qed(), linear(tpsa(), 0, 101))
    with isolated(reward, 1) as pooled:
        there = [outcome.value for outcome in pooled([WATER, PIECES, METHANE])]
    assert there == [outcome.value for outcome in reward([WATER, PIECES, METHANE])]
    assert there[1] is None


def test_a_term_of_whole_batches_makes_a_reward_of_whole_batches() -> None:
    reward = weighted_sum(Whole(), qed())
    assert not isinstance(reward, MoleculeReward)
    assert isinstance(reward, BatchComposite)
    assert isinstance(reward, Reward)
    water, pieces, methane = reward([WATER, PIECES, METHANE])
    assert water.failure is not None
    assert water.failure.stage == "whole"
    assert pieces.failure is not None
    assert pieces.failure.stage == "connected"
    assert methane.value == pytest.approx(5 + qed().outcome(METHANE).value)  # type: ignore[operator]
    assert [outcome.id for outcome in (water, pieces, methane)] == [WATER.id, PIECES.id, METHANE.id]
    assert isinstance(linear(Whole(), 0, 9), BatchComposite)


def test_a_desirability_that_is_none_is_a_reward_error() -> None:
    for value in (-0.1, 1.1):
        failure = product(Fixed(value))([WATER])[0].failure
        assert failure is not None
        assert failure.kind == "reward_error"
    assert product(Fixed(1 + 1e-12))([WATER])[0].ok
    assert product(Fixed(-1e-12))([WATER])[0].value == 0


def test_a_sum_that_overflows_is_a_failure() -> None:
    huge = Fixed(1.5e308, desirability=False)
    failure = weighted_sum(huge, huge)([WATER])[0].failure
    assert failure is not None
    assert failure.kind == "failed"


def test_positions_are_handed_on() -> None:
    class Relaxed(Fixed):
        def evaluate(self, molecule):  # type: ignore[no-untyped-def]
            return replace(super().evaluate(molecule), positions=molecule.positions + 1.0)

    outcome = product(qed(), Relaxed())([WATER])[0]
    assert outcome.positions is not None
    assert (outcome.positions == WATER.positions + 1.0).all()


def test_an_all_failed_batch_has_no_value() -> None:
    assert all(outcome.value is None for outcome in weighted_sum(Fixed(), Fixed(None))([WATER, METHANE]))


def test_what_is_no_term() -> None:
    with pytest.raises(RewardError, match="made of nothing"):
        require_terms("sum", [])
    with pytest.raises(RewardError, match="is no reward"):
        weighted_sum("qed")  # type: ignore[arg-type]
