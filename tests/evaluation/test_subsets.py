from __future__ import annotations

import math

import numpy as np
import pytest

from molvm.evaluation.intervals import wilson
from molvm.evaluation.subsets import combine, split


def test_every_item_is_in_one_subset_and_sorted_items_make_like_ones() -> None:
    parts = split(list(range(1000)))
    assert sorted(item for part in parts for item in part) == list(range(1000))
    assert np.ptp([np.mean(part) for part in parts]) <= 4
    assert [len(part) for part in split(list(range(7)))] == [2, 2, 1, 1, 1]


def test_the_papers_protocol_in_closed_form() -> None:
    found = combine([{"x": float(value)} for value in (1, 2, 3, 4, 5)])["x"]
    assert found is not None
    assert found.value == 3.0
    assert found.half_width == pytest.approx(1.96 * math.sqrt(2.5) / math.sqrt(5))


def test_estimates_count_by_their_values() -> None:
    found = combine([{"share": wilson(successes, 10)} for successes in (7, 8, 9, 8, 8)])["share"]
    assert found is not None
    assert found.value == pytest.approx(0.8)


def test_what_one_subset_cannot_give_is_none() -> None:
    assert combine([{"x": 1.0}, {"x": None}, {"x": 1.0}, {"x": 1.0}, {"x": 1.0}]) == {"x": None}
    assert combine([{"x": 1.0}, {}, {"x": 1.0}, {"x": 1.0}, {"x": 1.0}]) == {"x": None}


def test_like_subsets_have_no_error() -> None:
    found = combine([{"x": 2.5}] * 5)["x"]
    assert found is not None
    assert (found.value, found.half_width) == (2.5, 0.0)
