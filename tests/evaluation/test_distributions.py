from __future__ import annotations

import json

import numpy as np
import pytest

from molvm.errors import EvaluationError
from molvm.evaluation.distributions import Bins, distribution_of, shares_of, total_variation


def test_total_variation_is_a_distance() -> None:
    first, second, third = shares_of("aab"), shares_of("abc"), shares_of("ddd")
    assert total_variation(first, first) == 0
    assert total_variation(first, second) == pytest.approx(total_variation(second, first)) == pytest.approx(1 / 3)
    assert total_variation(first, third) == pytest.approx(1.0)
    assert total_variation(first, third) <= total_variation(first, second) + total_variation(second, third) + 1e-12


def test_nothing_has_no_distribution() -> None:
    with pytest.raises(EvaluationError):
        shares_of([])


BINS = Bins(0.0, 10.0, 20)


def test_bins_count_everything_what_lies_beyond_in_the_last() -> None:
    counts = BINS.count([-7.0, 0.0, 0.49, 0.5, 9.99, 10.0, 1e9])
    assert counts.tolist() == [3, 1, *[0] * 17, 3]
    assert BINS.count([]).tolist() == [0] * 20


@pytest.mark.parametrize("shift", [0, 1, 7])
def test_moving_a_distribution_is_as_far_as_it_is_moved(shift: int) -> None:
    values = np.random.default_rng(0).uniform(1, 5, 300)
    first, second = BINS.count(values), BINS.count(values + 0.5 * shift)
    assert BINS.distance(first, second) == pytest.approx(0.5 * shift)
    assert BINS.distance(second, first * 3) == pytest.approx(0.5 * shift), "symmetric, whatever the numbers"


def test_weights_of_other_bins_are_refused() -> None:
    with pytest.raises(EvaluationError, match="20"):
        BINS.distance(np.ones(20), np.ones(19))
    with pytest.raises(EvaluationError):
        BINS.distance(np.ones(20), np.zeros(20))


def test_a_distribution_has_quantiles_and_a_histogram_that_say_the_same() -> None:
    values = np.random.default_rng(1).uniform(0, 10, 5000)
    found = distribution_of(values, BINS)
    assert found.defined == found.counts.sum() == 5000
    for probability, value in found.quantiles.items():
        below = found.counts[found.bins.edges[1:] <= value].sum() / 5000
        assert below == pytest.approx(probability, abs=0.06)
    document = json.loads(json.dumps(found.to_json()))
    edges = document["edges"]
    np.testing.assert_allclose(np.linspace(edges["start"], edges["stop"], edges["bins"] + 1), BINS.edges)
    assert document["quantiles"]["0.5"] == pytest.approx(np.median(values))
    with pytest.raises(EvaluationError):
        distribution_of([], BINS)
