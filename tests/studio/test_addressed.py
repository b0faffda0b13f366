from __future__ import annotations

import pytest

from molvm.studio.addressed import MOST, is_number, is_whole


@pytest.mark.parametrize(
    ("text", "good"),
    [("2", True), ("500", True), ("1", False), ("501", False), ("2.5", False), ("abc", False), ("", False)],
)
def test_a_whole_number_is_within_its_range(text: str, good: bool) -> None:
    assert is_whole(text, 2, 500) is good


def test_no_whole_number_is_larger_than_a_browser_counts() -> None:
    assert is_whole(str(MOST))
    assert is_whole(str(-MOST))
    assert not is_whole(str(MOST + 1))


@pytest.mark.parametrize(
    ("text", "good"), [("1e3", True), ("-2", True), ("nan", False), ("inf", False), ("much", False)]
)
def test_a_number_is_finite(text: str, good: bool) -> None:
    assert is_number(text) is good
