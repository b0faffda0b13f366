from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.runs.groups import BASE, base_and_run, pareto, reward_against_kl
from molvm.runs.molecule_records import MoleculeRecord

METRICS = [{"iteration": i, "kl": 0.0 if i < 2 else float(i), "reward": 1.0 + i} for i in range(10)]


def record(iteration: int, value: float | None) -> MoleculeRecord:
    carbon = Molecule([6], [[0, 0, 0]], [0], [], [], id=f"{iteration}-0")
    failure = None if value is not None else "invalid"
    return MoleculeRecord(carbon, "C", iteration=iteration, worth=value or 0.0, value=value, failure=failure)


def test_the_base_is_what_nothing_steered_and_the_run_its_end() -> None:
    records = [record(i, float(i)) for i in range(10)]
    base, run = base_and_run("mine", METRICS, records)
    assert base.name == BASE
    assert base.values == [0.0, 1.0]
    assert run.values == [8.0, 9.0]


def test_failures_count_and_have_no_value() -> None:
    _, run = base_and_run("mine", METRICS, [record(9, None), record(9, 2.0)])
    assert run.values == [2.0]
    assert run.failed is not None
    assert run.failed.value == 0.5


@pytest.mark.parametrize("maximise", [True, False])
def test_no_point_beats_the_front(maximise: bool) -> None:
    generator = np.random.default_rng(0)
    points = [{"kl": kl, "reward": reward} for kl, reward in generator.normal(size=(40, 2)).tolist()]
    front = pareto(points, maximise=maximise)
    sign = 1 if maximise else -1
    for point, best in product(points, front):
        assert not (point["kl"] <= best["kl"] and sign * point["reward"] > sign * best["reward"])
    for point in points:
        assert any(b["kl"] <= point["kl"] and sign * b["reward"] >= sign * point["reward"] for b in front)


def test_rounds_without_numbers_are_left_out() -> None:
    assert reward_against_kl("x", [{"iteration": 0, "kl": float("nan"), "reward": 1.0}, *METRICS[:1]]) == [
        {"run": "x", "iteration": 0, "kl": 0.0, "reward": 1.0}
    ]
