from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from molvm.errors import EvaluationError
from molvm.evaluation.intervals import (
    Estimate,
    bootstrap,
    mean_difference,
    mean_interval,
    mean_of_pairs,
    wilson,
    wilson_clustered,
)

TRIALS = 2000


@pytest.mark.parametrize(("successes", "total"), [(0, 7), (7, 7), (1, 1), (3, 40), (812, 1000)])
def test_wilson_agrees_with_scipy(successes: int, total: int) -> None:
    theirs = binomtest(successes, total).proportion_ci(0.95, method="wilson")
    ours = wilson(successes, total)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert ours.low <= ours.value <= ours.high


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
def test_wilson_covers(share: float) -> None:
    draws = np.random.default_rng(1).binomial(200, share, size=TRIALS)
    inside = [wilson(int(draw), 200).low <= share <= wilson(int(draw), 200).high for draw in draws]
    # Wilson's coverage swings around the nominal one by about two points at this size.
    assert 0.925 < np.mean(inside) < 0.985


def test_the_clustered_interval_covers_where_the_plain_one_does_not() -> None:
    generator = np.random.default_rng(2)
    share, clusters, members = 0.8, 100, 18
    clustered, plain = [], []
    for _ in range(600):
        # Every cluster has its own share (beta with mean 0.8), so that its members go together.
        successes = generator.binomial(members, generator.beta(0.8, 0.2, size=clusters))
        fair = wilson_clustered(successes, np.full(clusters, members))
        naive = wilson(int(successes.sum()), clusters * members)
        clustered.append(fair.low <= share <= fair.high)
        plain.append(naive.low <= share <= naive.high)
    assert 0.92 < np.mean(clustered) < 0.98
    assert np.mean(plain) < 0.7


def test_clusters_of_one_are_plain_wilson() -> None:
    won = np.array([1, 0, 1, 1, 1, 0, 1, 1, 1, 1] * 30)
    clustered, plain = wilson_clustered(won, np.ones_like(won)), wilson(int(won.sum()), len(won))
    assert (clustered.low, clustered.high) == pytest.approx((plain.low, plain.high), abs=2e-4)


def test_a_perfect_share_is_as_certain_as_its_clusters_are_many() -> None:
    assert wilson_clustered([20] * 50, [20] * 50).low == pytest.approx(wilson(50, 50).low)


def test_the_mean_interval_covers() -> None:
    generator = np.random.default_rng(3)
    inside = []
    for _ in range(TRIALS):
        estimate = mean_interval(generator.normal(2.0, 3.0, size=8))
        inside.append(estimate.low <= 2.0 <= estimate.high)
    assert np.mean(inside) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / TRIALS))


def test_one_value_bounds_nothing() -> None:
    estimate = mean_interval([4.0])
    assert (estimate.value, estimate.low, estimate.high) == (4.0, -math.inf, math.inf)


def test_bounds_cut_the_interval_and_cost_no_coverage() -> None:
    generator = np.random.default_rng(9)
    inside = []
    for _ in range(TRIALS):
        estimate = mean_interval(generator.beta(8, 0.5, size=6), low=0.0, high=1.0)
        free = mean_interval(generator.beta(8, 0.5, size=6))
        assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
        inside.append((estimate.low <= 8 / 8.5 <= estimate.high, free.low <= 8 / 8.5 <= free.high))
    bounded, unbounded = np.mean(inside, axis=0)
    assert bounded == pytest.approx(unbounded, abs=0.03)
    assert not mean_interval([0.3], low=0.0, high=1.0).has_interval, "one value has none, bounds or no bounds"
    assert mean_interval([0.3, 0.3], low=0.0, high=1.0).has_interval
    assert mean_interval([1.0 + 1e-12] * 3, high=1.0).high >= 1.0 + 1e-12, "the mean is always inside"


def test_the_bootstrap_covers_the_median() -> None:
    generator = np.random.default_rng(4)
    inside = []
    for _ in range(150):
        estimate = bootstrap(generator.exponential(1.0, 60), lambda x: float(np.median(x)), generator, resamples=200)
        inside.append(estimate.low <= math.log(2) <= estimate.high)
    assert 0.87 < np.mean(inside) <= 1.0


def test_the_bootstrap_is_a_function_of_its_generator() -> None:
    values = np.arange(20.0)
    first, second = (bootstrap(values, lambda x: float(x.mean()), np.random.default_rng(5)) for _ in range(2))
    assert first == second
    assert first != bootstrap(values, lambda x: float(x.mean()), np.random.default_rng(6))


def test_intervals_narrow_with_more_observations_and_widen_with_confidence() -> None:
    assert wilson(90, 100).high - wilson(90, 100).low > wilson(900, 1000).high - wilson(900, 1000).low
    assert wilson(90, 100, 0.99).low < wilson(90, 100).low


def test_overlap_is_symmetric() -> None:
    low, middle, high = wilson(10, 100), wilson(15, 100), wilson(60, 100)
    assert low.overlaps(middle)
    assert middle.overlaps(low)
    assert not low.overlaps(high)
    assert not high.overlaps(low)


def test_what_has_no_interval_is_refused() -> None:
    for successes, total in ((0, 0), (2, 1), (-1, 5)):
        with pytest.raises(EvaluationError):
            wilson(successes, total)
    for values in ([], [1.0, math.nan], [math.inf]):
        with pytest.raises(EvaluationError):
            mean_interval(values)
    with pytest.raises(EvaluationError):
        wilson_clustered([3], [2])
    with pytest.raises(EvaluationError):
        wilson_clustered([0], [0])


def test_the_interval_of_a_difference_covers_it_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        found = mean_difference(generator.normal(3, 2, size=12), generator.normal(1, 0.5, size=7))
        covered += found.low <= 2 <= found.high
    assert abs(covered / 400 - 0.95) < 0.035
    assert mean_difference([1.0, 1.0], [0.0, 0.0]) == Estimate(1.0, 1.0, 1.0, 4)
    assert mean_difference([1.0], [0.0, 1.0]).high == math.inf


def test_the_interval_of_a_mean_over_pairs_covers_it_as_often_as_it_says() -> None:
    """E|x - y| of two normal numbers is 2/√π."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        sample = generator.normal(size=60)
        found = mean_of_pairs(np.abs(sample[:, None] - sample[None]))
        covered += found.low <= 2 / math.sqrt(math.pi) <= found.high
    assert 0.91 < covered / 400 < 0.985
    with pytest.raises(EvaluationError, match="no pairs"):
        mean_of_pairs([[0.0]])
