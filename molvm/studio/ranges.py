"""The range of a column as a slider has it: from one round number to another."""

from __future__ import annotations

import math
from typing import Final

import pandas as pd

DIGITS: Final = 2
"""A slider has some hundred steps, or some thousand: a power of ten of them."""


def limits(values: pd.Series) -> tuple[float, float, float]:
    """Round numbers below and above all finite values, and the step between the numbers of a slider.

    So a link that was made on a slider, or written by hand, hits the ends exactly. Without two different values both
    ends are the same.
    """
    finite = values[values.map(math.isfinite)]
    low, high = float(finite.min()), float(finite.max())
    if not low < high:
        return (0.0, 0.0, 1.0) if math.isnan(low) else (low, high, 1.0)
    decimals = DIGITS - math.floor(math.log10(high - low))
    if bool((finite == finite.round()).all()):
        decimals = min(0, decimals)
    step = 10.0**-decimals
    return round(math.floor(low / step) * step, decimals), round(math.ceil(high / step) * step, decimals), step
