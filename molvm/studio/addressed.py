"""What an address may ask a field for. Where Streamlit cannot read it, it puts a default and says nothing."""

from __future__ import annotations

import math
from typing import Final

MOST: Final = 2**53 - 1
"""The largest whole number that a browser counts."""


def is_whole(text: str, low: float | None = None, high: float | None = None) -> bool:
    """Whether it is a whole number of that range, ends included; no more than `MOST`."""
    try:
        number = int(text)
    except ValueError:
        return False
    return max(-MOST, -math.inf if low is None else low) <= number <= (MOST if high is None else high)


def is_number(text: str) -> bool:
    """Whether it is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
