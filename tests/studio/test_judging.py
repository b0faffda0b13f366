from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards.base import MoleculeReward, Outcome
from molvm.rewards.expression import parse_reward
from molvm.studio.judging import MOST_ANSWERS, Judge
from tests.rewards.faulty_rewards import Faulty


class SlowPool:
    """Answers when it is let, and counts."""

    def __init__(self) -> None:
        self.begun, self.let = Event(), Event()
        self.asked: list[str] = []
        self.rewards: list[MoleculeReward] = []
        self.closed = False

    def score(self, reward: MoleculeReward, molecules: Sequence[Molecule], *_: Any) -> list[Outcome]:
        self.asked.append(molecules[0].id)
        self.rewards.append(reward)
        self.begun.set()
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
LOGP: Any = parse_reward("logp")


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


def test_the_newest_molecule_comes_first_and_its_questions_in_order(judge: Judge, pool: SlowPool) -> None:
    asked = [("a", QED), ("b", QED), ("b", LOGP), ("c", QED), ("d", LOGP), ("d", QED)]
    promises = []
    for name, reward in asked:
        promises.append(judge.ask(reward, carbon(name, ord(name)), 60.0))
        assert pool.begun.wait(30)
    pool.let.set()
    for promise in promises:
        promise.result(30)
    assert pool.asked == ["a", "d", "d", "c", "b", "b"]
    assert [reward.name for reward in pool.rewards] == ["qed", "logp", "qed", "qed", "qed", "logp"]


def test_what_nobody_waits_for_any_more_is_passed_over(judge: Judge, pool: SlowPool) -> None:
    first = judge.ask(QED, carbon("a", ord("a")), 60.0)
    assert pool.begun.wait(30)
    left, kept = (judge.ask(QED, carbon(name, ord(name)), 0.05) for name in "bc")
    assert judge.ask(QED, carbon("c", ord("c")), 60.0) is kept
    time.sleep(0.1)
    pool.let.set()
    assert kept.result(30).ok
    assert first.result(30).ok
    with pytest.raises(CancelledError):
        left.result(30)
    assert pool.asked == ["a", "c"]
    assert judge.ask(QED, carbon("b", ord("b")), 60.0).result(30).ok


def test_a_process_ends_when_nobody_waits_for_it_any_more() -> None:
    judge = Judge()
    try:
        molecule = Molecule.from_smiles("CCO")  # questions about one molecule are answered in their order
        left = judge.ask(Faulty(seconds=3600.0), molecule, 0.5)
        wanted = judge.ask(QED, molecule, 60.0)
        assert wanted.result(60).ok
        with pytest.raises(CancelledError):
            left.result(1)
    finally:
        judge.close()


def test_closing_waits_for_no_answer() -> None:
    judge = Judge()
    promise = judge.ask(Faulty(seconds=3600.0), Molecule.from_smiles("C"), 3600.0)
    waiting = judge.ask(QED, Molecule.from_smiles("CC"), 3600.0)
    start = time.monotonic()
    judge.close()
    assert time.monotonic() - start < 30
    assert promise.cancelled()
    assert waiting.cancelled()


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
