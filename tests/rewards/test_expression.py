"""Rewards written as expressions: read as a tree, never executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError, UnknownNameError
from molvm.rewards import describe, parse_reward, qed
from molvm.rewards.base import Direction, MoleculeReward, Outcome, Reward
from molvm.rewards.dipole import Dipole
from molvm.rewards.registry import _FACTORIES, make_reward, usage


@dataclass(frozen=True)
class Made(MoleculeReward):
    """Keeps what it was made of."""

    terms: tuple[Reward, ...] = ()
    given: tuple[object, ...] = ()
    name: str = "made"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = None

    def evaluate(self, molecule: Molecule) -> Outcome:
        raise NotImplementedError


def total(*terms: Reward, weights: Sequence[float] | None = None) -> Made:
    """The sum."""
    return Made(terms, (weights,))


def within(reward: Reward, low: float, high: float = 1.0, how: str = "linear") -> Made:
    """Between two bounds."""
    return Made((reward,), (low, high, how))


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.rewards.registry._FACTORIES", {**_FACTORIES, "total": total, "within": within})


def test_names_calls_and_nests() -> None:
    assert parse_reward("qed") == parse_reward(" qed() ") == qed()
    assert parse_reward("dipole(keep_positions=true)") == Dipole(keep_positions=True)
    assert parse_reward("total(qed, within(dipole, -2, how=smooth), weights=[1, 2.5])") == Made(
        (qed(), Made((Dipole(),), (-2, 1.0, "smooth"))), ([1, 2.5],)
    )
    assert parse_reward("within(qed, low=none)") == Made((qed(),), (None, 1.0, "linear"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("within(qed)", "missing a required argument: 'low'.*within\\(reward, low, high=1.0, how='linear'\\)"),
        ("within(qed, 0, width=3)", "unexpected keyword argument 'width'"),
        ("qed(name=mine)", "unexpected keyword argument 'name'"),
        ("qed(3)", "too many positional arguments.*Allowed: qed\\."),
        ("within(3, 0)", "'3' in .* cannot be used there.*path.py:name"),
        ("within(qed, 1 + __import__('os').getpid())", "cannot be used there"),
        ("within(qed, *x)", "without stars"),
        ("within(qed, **x)", "without stars"),
        ("qed.x()", "cannot be used there"),
        ("[qed]", "cannot be used there"),
        ("total(qed", "cannot be read at character"),
        ("total('qed')", "registered names"),
        ("total(" * 300, "cannot be read"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, words: str) -> None:
    with pytest.raises(RewardError, match=words):
        parse_reward(text)


@pytest.mark.parametrize("text", ["dipol", "total(qed, dipol)", "totl(qed)", "qed dipole", ""])
def test_unknown_names(text: str) -> None:
    with pytest.raises(UnknownNameError):
        parse_reward(text)


def test_a_reward_lacks_nothing_when_it_is_made_by_name() -> None:
    assert make_reward("within", qed(), 0.5) == Made((qed(),), (0.5, 1.0, "linear"))
    with pytest.raises(RewardError, match="'low'"):
        make_reward("within", qed())
    assert usage("total") == "total(terms, …, weights=None)"


def test_a_description_has_the_terms_below() -> None:
    assert describe(parse_reward("total(qed, within(dipole, 1))")).splitlines() == [
        "made: maximise, a failure counts as the worst of a base batch",
        "  qed: maximise, a failure counts as 0",
        "  made: maximise, a failure counts as the worst of a base batch",
        "    dipole [D]: maximise, a failure counts as 0",
    ]
