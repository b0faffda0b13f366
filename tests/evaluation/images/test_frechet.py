"""The Fréchet distance against what is known of Gaussians."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from molvm.errors import EvaluationError
from molvm.evaluation.images.frechet import frechet_distance, frechet_estimate


def exact(mean: NDArray[np.float64], covariance: NDArray[np.float64], count: int, seed: int = 0) -> NDArray[np.float64]:
    """A sample whose mean and covariance are these to rounding."""
    dimension = len(mean)
    raw = np.random.default_rng(seed).normal(size=(count, dimension))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T).reshape(dimension, dimension))).T
    values, axes = np.linalg.eigh(covariance)
    return white @ (axes * np.sqrt(values.clip(0))).T + mean


@pytest.mark.parametrize("seed", range(3))
def test_two_dimensions_have_a_closed_form(seed: int) -> None:
    """tr (S₁S₂)^½ = √(tr S₁S₂ + 2 √(det S₁ det S₂)) for 2 × 2."""
    generator = np.random.default_rng(seed)
    one, other = (root @ root.T for root in generator.normal(size=(2, 2, 2)))
    means = generator.normal(size=(2, 2))
    cross = np.sqrt(np.trace(one @ other) + 2 * np.sqrt(np.linalg.det(one) * np.linalg.det(other)))
    expected = ((means[0] - means[1]) ** 2).sum() + np.trace(one) + np.trace(other) - 2 * cross
    found = frechet_distance(exact(means[0], one, 30), exact(means[1], other, 50, seed=1))
    assert found == pytest.approx(expected, rel=1e-10)


def test_variances_along_common_axes_are_compared_by_their_roots() -> None:
    variances = np.array([[4.0, 1.0, 0.0, 0.25], [1.0, 0.0, 9.0, 0.25]])
    samples = [exact(np.zeros(4), np.diag(each), 40, seed) for seed, each in enumerate(variances)]
    expected = ((np.sqrt(variances[0]) - np.sqrt(variances[1])) ** 2).sum()
    assert frechet_distance(*samples) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("count", [5, 60])
def test_a_sample_is_at_no_distance_from_itself_however_singular(count: int) -> None:
    sample = np.random.default_rng(0).normal(size=(count, 20)) * np.geomspace(1e-6, 1e3, 20)
    assert 0 <= frechet_distance(sample, sample[::-1]) < 1e-6


def test_it_is_symmetric_turns_with_the_axes_and_grows_with_the_square_of_the_scale() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(9, 12)), generator.normal(1, 2, size=(40, 12))
    turn, _ = np.linalg.qr(generator.normal(size=(12, 12)))
    expected = frechet_distance(one, other)
    for found in (
        frechet_distance(other, one),
        frechet_distance(one @ turn + 3, other @ turn + 3),
        frechet_distance(7 * one, 7 * other) / 49,
    ):
        assert found == pytest.approx(expected, rel=1e-10)


def test_the_jackknife_takes_the_bias_of_few_samples_away() -> None:
    """Two samples of one law: the plain distance is never 0, the estimate is around it; a known distance is met."""
    plain, freed = [], []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        one, other = generator.normal(size=(2, 100, 8))
        other[:, 0] += 1
        plain.append(frechet_distance(one, other))
        freed.append(frechet_estimate(one, other, generator))
    assert np.mean(plain) > 1.2
    assert np.mean([each.value for each in freed]) == pytest.approx(1, abs=0.1)
    assert sum(each.low <= 1 <= each.high for each in freed) >= 16


@pytest.mark.parametrize(("one", "other"), [((1, 3), (5, 3)), ((5, 3), (5, 4))])
def test_what_has_no_distance_is_refused(one: tuple[int, int], other: tuple[int, int]) -> None:
    with pytest.raises(EvaluationError):
        frechet_distance(np.ones(one), np.ones(other))


def test_few_samples_have_no_interval() -> None:
    with pytest.raises(EvaluationError, match="20 or more"):
        frechet_estimate(np.eye(19), np.eye(19), np.random.default_rng(0))
