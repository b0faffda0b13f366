from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards.base import MoleculeReward, Outcome
from molvm.rewards.expression import parse_reward
from molvm.studio.judging import MOST_ANSWERS, MOST_WAITING, Judge


class SlowPool:
    """Answers when it is let, and counts."""

    def __init__(self) -> None:
        self.let = Event()
        self.asked: list[str] = []
        self.closed = False

    def score(self, reward: MoleculeReward, molecules: Sequence[Molecule], *_: Any) -> list[Outcome]:
        self.asked.append(molecules[0].id)
        assert self.let.wait(30)
        if molecules[0].id == "bad":
            raise RewardError("The workers are gone.")
        return [Outcome(molecules[0].id, 1.0)]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def pool() -> SlowPool:
    return SlowPool()


@pytest.fixture
def judge(pool: SlowPool) -> Iterator[Judge]:
    judge = Judge(pool)  # type: ignore[arg-type]
    yield judge
    pool.let.set()
    judge.close()
    assert pool.closed


QED: Any = parse_reward("qed")


def carbon(name: str, x: float = 0.0) -> Molecule:
    return Molecule([6], [[x, 0, 0]], [0], [], [], id=name)


def test_nobody_waits_for_an_answer(judge: Judge, pool: SlowPool) -> None:
    promise = judge.ask(QED, carbon("a"))
    assert not promise.done()
    pool.let.set()
    assert promise.result(30).value == 1.0


def test_the_same_question_is_put_once(judge: Judge, pool: SlowPool) -> None:
    pool.let.set()
    first = judge.ask(QED, carbon("a"))
    assert judge.ask(QED, replace(carbon("a"), id="another name")) is first
    first.result(30)
    judge.ask(QED, carbon("a", 1.0)).result(30)
    judge.ask(parse_reward("logp"), carbon("a")).result(30)
    assert len(pool.asked) == 3


def test_molecules_that_nobody_looks_at_any_more_are_passed_over(judge: Judge, pool: SlowPool) -> None:
    promises = [judge.ask(QED, carbon(f"{number}", number)) for number in range(MOST_WAITING + 4)]
    pool.let.set()
    promises[-1].result(30)
    assert len(pool.asked) <= MOST_WAITING + 1
    passed = next(number for number, promise in enumerate(promises) if promise.cancelled())
    assert judge.ask(QED, carbon(f"{passed}", passed)).result(30).ok


def test_what_went_wrong_reaches_who_asked(judge: Judge, pool: SlowPool) -> None:
    pool.let.set()
    with pytest.raises(RewardError, match="gone"):
        judge.ask(QED, carbon("bad")).result(30)


def test_the_oldest_answers_are_forgotten(judge: Judge, pool: SlowPool) -> None:
    pool.let.set()
    for number in range(MOST_ANSWERS + 1):
        judge.ask(QED, carbon(f"{number}", number)).result(30)
    assert len(pool.asked) == MOST_ANSWERS + 1
    judge.ask(QED, carbon("0", 0.0)).result(30)
    assert len(pool.asked) == MOST_ANSWERS + 2
    judge.ask(QED, carbon("0", MOST_ANSWERS)).result(30)
    assert len(pool.asked) == MOST_ANSWERS + 2


def test_a_process_answers() -> None:
    judge = Judge()
    try:
        assert judge.ask(QED, Molecule.from_smiles("CCO")).result(60).value == pytest.approx(0.407, abs=0.01)
    finally:
        judge.close()
