from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from molvm.errors import RewardError
from molvm.rewards import settings


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (settings.checked_direction, ["up", "", None]),
        (lambda value: settings.checked_number("x", value), ["1", None, True, float("nan"), float("inf"), [1]]),
        (lambda value: settings.checked_positive("x", value), [0, -1, "1"]),
        (lambda value: settings.checked_weights(value, 2), [[1], [1, 2, 3], [1, 0], [1, -1], "12", 3, [1, "2"]]),
        (lambda value: settings.checked_text("x", value), ["", None, 3]),
        (settings.checked_name, ["", " ", None, "a\nb", "a<b", "a>b"]),
        (lambda value: settings.checked_switch("x", value), [1, "true", None]),
    ],
)
def test_what_is_refused(check: Callable[[Any], object], wrong: list[object]) -> None:
    for value in wrong:
        with pytest.raises(RewardError):
            check(value)


def test_what_passes() -> None:
    assert settings.checked_direction("minimise") == "minimise"
    assert settings.checked_number("x", -3) == -3
    assert settings.checked_positive("x", 0.5) == 0.5
    assert settings.checked_weights(None, 2) == (1.0, 1.0)
    assert settings.checked_weights([2, 0.5], 2) == (2.0, 0.5)
    assert settings.checked_text("x", "CCO") == "CCO"
    assert settings.checked_name("potency (mean)") == "potency (mean)"
    assert settings.checked_switch("x", value=False) is False
