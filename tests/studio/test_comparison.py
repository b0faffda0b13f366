from __future__ import annotations

import pytest

from molvm.runs.groups import BASE, base_and_run
from molvm.studio.comparison import group_rows, value_rows
from tests.runs.test_groups import METRICS, record


def test_a_line_counts_failures() -> None:
    _, run = base_and_run("mine", METRICS, [record(9, None), record(9, 2.0)])
    row = group_rows([run])[0]
    assert row["molecules"] == 2
    assert row["failures"].startswith("50%")


def test_histograms_are_shares_of_one_range() -> None:
    base, run = base_and_run("mine", METRICS, [record(i, float(i)) for i in range(10)])
    rows = value_rows([base, run], 5)
    for name in (BASE, "mine"):
        assert sum([row["share"] for row in rows if row["group"] == name][:-1]) == pytest.approx(1.0)
    assert {row["value"] for row in rows if row["group"] == BASE} == {r["value"] for r in rows if r["group"] == "mine"}
