from __future__ import annotations

import math

import pandas as pd
import pytest

from molvm.studio.ranges import limits


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([5.0, 9.0], (5.0, 9.0, 1.0)),
        ([0.12345, 0.54172], (0.123, 0.542, 0.001)),
        ([-3.2, 1.71], (-3.2, 1.71, 0.01)),
        ([16.04, 150.9], (16.0, 151.0, 1.0)),
        ([0.00001, 0.00003], (0.00001, 0.00003, 1e-7)),
        ([1_000.0, 2_000_000.0], (0.0, 2_000_000.0, 10_000.0)),
        ([4.0, math.nan, math.inf], (4.0, 4.0, 1.0)),
        ([], (0.0, 0.0, 1.0)),
    ],
)
def test_a_range_ends_at_round_numbers_around_all_values(
    values: list[float], found: tuple[float, float, float]
) -> None:
    assert limits(pd.Series(values, dtype=float)) == pytest.approx(found)
    low, high, _ = limits(pd.Series(values, dtype=float))
    finite = [value for value in values if math.isfinite(value)]
    assert all(low <= value <= high for value in finite)
