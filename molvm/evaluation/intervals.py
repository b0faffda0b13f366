"""Estimates with confidence intervals: shares by Wilson, means by Student, anything else by the bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from molvm.errors import EvaluationError

CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval; -inf where there is none.
        high: Upper end of the interval; inf where there is none.
        count: How many independent observations it rests on.
    """

    value: float
    low: float
    high: float
    count: int

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval; of a single value there is none."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def ends(self, show: Callable[[float], str]) -> str:
        """The interval for people, the numbers as `show` says."""
        return f"{show(self.low)} to {show(self.high)}" if self.has_interval else "no interval"

    def told(self, show: Callable[[float], str]) -> str:
        """The value and its interval for people, the numbers as `show` says."""
        return f"{show(self.value)} ({self.ends(show)})"

    def overlaps(self, other: Estimate) -> bool:
        """Whether the two intervals share a point."""
        return self.low <= other.high and other.low <= self.high


def wilson(successes: int, total: int, confidence: float = CONFIDENCE) -> Estimate:
    """The share of successes with Wilson's score interval (Wilson, J. Am. Stat. Assoc. 22, 209, 1927).

    Args:
        successes: How many of the observations are successes.
        total: How many independent observations there are; at least one.
        confidence: Coverage of the interval, between 0 and 1.

    Raises:
        EvaluationError: There are no observations, or more successes than observations.
    """
    if total < 1 or not 0 <= successes <= total:
        raise EvaluationError(f"{successes} successes of {total} observations are no share.")
    low, high = _wilson_ends(successes / total, total, confidence)
    return Estimate(successes / total, low, high, total)


def wilson_clustered(successes: npt.ArrayLike, totals: npt.ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """A share over members that come in independent clusters, such as the stable atoms of molecules.

    The members of one cluster are not independent, so Wilson's interval is taken at the effective number of
    observations p(1-p)/Var, with the variance of the ratio estimator over clusters (Cochran, Sampling Techniques,
    3rd ed., section 6.5; Kish's design effect). Where no variance can be seen, that number is the number of clusters.

    Args:
        successes: (clusters,), successes in each cluster.
        totals: (clusters,), members of each cluster.
        confidence: Coverage of the interval, between 0 and 1.

    Raises:
        EvaluationError: There are no members, or more successes than members.
    """
    won, members = np.asarray(successes, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    if won.shape != members.shape or members.sum() < 1 or np.any(won > members) or np.any(won < 0):
        raise EvaluationError("The successes and members of clusters do not fit together.")
    clusters = int((members > 0).sum())
    share = float(won.sum() / members.sum())
    residual = won - share * members
    variance = float((residual**2).sum() / members.sum() ** 2) * clusters / max(clusters - 1, 1)
    effective = share * (1 - share) / variance if variance > 0 and 0 < share < 1 else float(clusters)
    low, high = _wilson_ends(share, min(effective, float(members.sum())), confidence)
    return Estimate(share, low, high, clusters)


def mean_interval(
    values: npt.ArrayLike, confidence: float = CONFIDENCE, *, low: float = -math.inf, high: float = math.inf
) -> Estimate:
    """The mean with Student's interval.

    Args:
        values: (n,), independent and finite.
        confidence: Coverage of the interval, between 0 and 1.
        low: The least value there can be. The interval ends there at the latest, which costs no coverage.
        high: The largest.

    Returns:
        The mean; of a single value there is no interval, whatever the bounds: its ends are infinite.

    Raises:
        EvaluationError: There are no values, or one is not finite.
    """
    sample = _finite(values)
    mean = float(sample.mean())
    if len(sample) == 1:
        return Estimate(mean, -math.inf, math.inf, 1)
    error = float(sample.std(ddof=1)) / math.sqrt(len(sample))
    half = float(stats.t.ppf(0.5 + confidence / 2, df=len(sample) - 1)) * error
    # Rounding may have pushed the mean itself past an end.
    return Estimate(mean, min(max(mean - half, low), mean), max(min(mean + half, high), mean), len(sample))


def mean_difference(values: npt.ArrayLike, baseline: npt.ArrayLike) -> Estimate:
    """The mean of independent values less that of others, with Welch's interval (Biometrika 34, 28, 1947).

    Args:
        values: (n,), finite.
        baseline: (m,), finite.

    Raises:
        EvaluationError: There are no values on one side, or one is not finite.
    """
    one, other = _finite(values), _finite(baseline)
    difference, count = float(one.mean() - other.mean()), len(one) + len(other)
    if min(len(one), len(other)) < 2:
        return Estimate(difference, -math.inf, math.inf, count)
    if not (one.std() or other.std()):
        return Estimate(difference, difference, difference, count)
    low, high = stats.ttest_ind(one, other, equal_var=False).confidence_interval(CONFIDENCE)
    return Estimate(difference, float(low), float(high), count)


def mean_of_pairs(distances: npt.ArrayLike) -> Estimate:
    """The mean over all pairs of different members, with the interval of a U-statistic (Hoeffding, 1948).

    Args:
        distances: (n, n), symmetric, of n independent members, two at least; the diagonal is not looked at.

    Raises:
        EvaluationError: There are fewer than two members, or a distance is not finite.
    """
    matrix = np.array(distances, dtype=np.float64)
    if len(matrix) < 2:
        raise EvaluationError(f"{len(matrix)} members have no pairs.", allowed="two or more")
    np.fill_diagonal(matrix, 0)
    mine = mean_interval(matrix.sum(axis=1) / (len(matrix) - 1))
    # Each pair counts in two of the members' means, which doubles the deviation of their mean.
    half = mine.high - mine.value
    return Estimate(mine.value, mine.value - 2 * half, mine.value + 2 * half, len(matrix))


def bootstrap(
    values: npt.ArrayLike,
    statistic: Callable[[npt.NDArray[np.float64]], float],
    generator: np.random.Generator,
    resamples: int = 1000,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Any statistic with its percentile bootstrap interval (Efron and Tibshirani, 1993, section 13.3).

    Args:
        values: (n,), independent and finite.
        statistic: Maps a sample (n,) to a number.
        generator: Draws the resamples.
        resamples: How many.
        confidence: Coverage of the interval, between 0 and 1.

    Raises:
        EvaluationError: There are no values, or one is not finite.
    """
    sample = _finite(values)
    draws = np.array([statistic(generator.choice(sample, size=len(sample))) for _ in range(resamples)])
    low, high = np.quantile(draws, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Estimate(float(statistic(sample)), float(low), float(high), len(sample))


def jackknife(whole: float, without: npt.ArrayLike, count: int, confidence: float = CONFIDENCE) -> Estimate:
    """A smooth statistic freed of the part of its bias that falls as 1/n (Quenouille, 1956), with Tukey's interval.

    Args:
        whole: The statistic of all observations.
        without: (k,), the statistic without each of k groups, which are as large as one another; two at least.
        count: How many observations there are.
        confidence: Coverage of the interval, between 0 and 1.

    Raises:
        EvaluationError: There are fewer than two groups, or a value is not finite.
    """
    left = _finite(without)
    if len(left) < 2:
        raise EvaluationError(f"{len(left)} groups have no interval.", allowed="two or more")
    found = mean_interval(len(left) * whole - (len(left) - 1) * left, confidence)
    return Estimate(found.value, found.low, found.high, count)


def _finite(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64).ravel()
    if not len(sample) or not np.all(np.isfinite(sample)):
        raise EvaluationError(
            f"{len(sample)} values, not all finite, have no interval.", allowed="finite, at least one"
        )
    return sample


def _wilson_ends(share: float, total: float, confidence: float) -> tuple[float, float]:
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    denominator = 1 + z * z / total
    centre = (share + z * z / (2 * total)) / denominator
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / denominator
    # The ends touch the share exactly at 0 and 1; rounding must not push them past it.
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))
