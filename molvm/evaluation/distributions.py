"""How far two discrete distributions are apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from molvm.errors import EvaluationError

Key = TypeVar("Key", bound=Hashable)


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
