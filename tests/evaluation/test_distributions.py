from __future__ import annotations

import pytest

from molvm.errors import EvaluationError
from molvm.evaluation.distributions import shares_of, total_variation


def test_total_variation_is_a_distance() -> None:
    first, second, third = shares_of("aab"), shares_of("abc"), shares_of("ddd")
    assert total_variation(first, first) == 0
    assert total_variation(first, second) == pytest.approx(total_variation(second, first)) == pytest.approx(1 / 3)
    assert total_variation(first, third) == pytest.approx(1.0)
    assert total_variation(first, third) <= total_variation(first, second) + total_variation(second, third) + 1e-12


def test_nothing_has_no_distribution() -> None:
    with pytest.raises(EvaluationError):
        shares_of([])
