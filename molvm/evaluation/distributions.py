"""Discrete and binned distributions, and how far two of them are apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import stats

from molvm.errors import EvaluationError

Key = TypeVar("Key", bound=Hashable)

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


def shares_of(values: Iterable[Key]) -> dict[Key, float]:
    """The share of every value among the values.

    Raises:
        EvaluationError: There are no values.
    """
    counts = Counter(values)
    total = counts.total()
    if not total:
        raise EvaluationError("No values have no distribution.")
    return {value: count / total for value, count in counts.items()}


def total_variation(first: Mapping[Key, float], second: Mapping[Key, float]) -> float:
    """Half the sum of the absolute differences, between 0 (the same) and 1 (nothing in common)."""
    return 0.5 * sum(abs(first.get(key, 0.0) - second.get(key, 0.0)) for key in {**first, **second})


@dataclass(frozen=True)
class Bins:
    """Bins of one width. What lies beyond the ends is counted in the first and the last.

    Attributes:
        start: Lower end of the first bin.
        stop: Upper end of the last.
        number: How many bins.
    """

    start: float
    stop: float
    number: int

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """float64 (number + 1,): `numpy.linspace(start, stop, number + 1)`."""
        return np.linspace(self.start, self.stop, self.number + 1)

    def count(self, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """int64 (number,): how many of the values lie in each bin."""
        counts, _ = np.histogram(np.clip(values, self.start, self.stop), bins=self.edges)
        return counts.astype(np.int64)

    def distance(self, first: npt.ArrayLike, second: npt.ArrayLike) -> float:
        """Wasserstein-1 distance of two sets of weights (number,) on these bins, in the unit of the edges.

        Raises:
            EvaluationError: Either has another number of bins, or no weight.
        """
        weights = [np.asarray(each, dtype=np.float64) for each in (first, second)]
        if any(each.shape != (self.number,) or not each.sum() > 0 for each in weights):
            raise EvaluationError("These are no weights of bins.", allowed=f"({self.number},), not all zero")
        centres = 0.5 * (self.edges[:-1] + self.edges[1:])
        return float(stats.wasserstein_distance(centres, centres, *weights))


@dataclass(frozen=True, eq=False)
class Distribution:
    """The distribution of a quantity over the molecules for which it is defined.

    Attributes:
        defined: How many those are.
        quantiles: Probability to value, for the probabilities of `QUANTILES`.
        bins: Of the histogram.
        counts: int64 (bins.number,).
    """

    defined: int
    quantiles: Mapping[float, float]
    bins: Bins
    counts: npt.NDArray[np.int64]

    def to_json(self) -> dict[str, Any]:
        """In what JSON knows; the edges are `numpy.linspace(start, stop, bins + 1)`."""
        return {
            "defined": self.defined,
            "quantiles": {f"{probability:g}": value for probability, value in self.quantiles.items()},
            "edges": {"start": self.bins.start, "stop": self.bins.stop, "bins": self.bins.number},
            "counts": self.counts.tolist(),
        }


def distribution_of(values: npt.ArrayLike, bins: Bins) -> Distribution:
    """Quantiles (linearly interpolated) and histogram of finite values (n,).

    Raises:
        EvaluationError: There are no values.
    """
    sample = np.asarray(values, dtype=np.float64)
    if not sample.size:
        raise EvaluationError("No values have no distribution.")
    quantiles = dict(zip(QUANTILES, np.quantile(sample, QUANTILES).tolist(), strict=True))
    return Distribution(sample.size, quantiles, bins, bins.count(sample))
