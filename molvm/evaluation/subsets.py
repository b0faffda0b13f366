"""The protocol of FlowMol's papers: five subsets, the mean of their metrics, and 1.96 standard errors.

Beside the intervals of `molvm.evaluation.intervals`, for comparison with published tables. It treats every metric
alike, but knows its error from five numbers only (Student would say 2.78 instead of 1.96), gives ± 0 to a perfect
share, and what depends on the number of molecules, such as uniqueness and distances, is that of a fifth of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from molvm.evaluation.intervals import Estimate

SUBSETS: Final = 5
STANDARD_ERRORS: Final = 1.96

Item = TypeVar("Item")


@dataclass(frozen=True)
class SubsetEstimate:
    """A metric by the papers' protocol.

    Attributes:
        value: The mean over the subsets.
        half_width: 1.96 std/√5, with the sample's standard deviation (n - 1).
    """

    value: float
    half_width: float


def split(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Every fifth item from the first, from the second, ..., so that sorted molecules make like subsets."""
    return [items[start::SUBSETS] for start in range(SUBSETS)]


def combine(subsets: Sequence[Mapping[str, Estimate | float | None]]) -> dict[str, SubsetEstimate | None]:
    """The estimate of every metric of the first subset; None for one that some subset cannot give."""
    return {name: _combined([subset.get(name) for subset in subsets]) for name in subsets[0]}


def _combined(metrics: Sequence[Estimate | float | None]) -> SubsetEstimate | None:
    values = [metric.value if isinstance(metric, Estimate) else metric for metric in metrics]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return SubsetEstimate(float(np.mean(known)), STANDARD_ERRORS * float(np.std(known, ddof=1)) / math.sqrt(len(known)))
