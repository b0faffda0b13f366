"""How much a molecule, and a message of several, may take before a pool steps in."""

from __future__ import annotations

from typing import Final

from molvm.errors import RewardError

DEFAULT_TIME_LIMIT: Final = 60.0
"""Seconds a molecule may take."""

CHUNK_SIZE: Final = 16
"""Molecules in one message, at most; 16 spread the cost of a message to less than a tenth of a QED."""

CHECK_SECONDS: Final = 1.0
"""Between two calls of what may end a batch early."""


def require_positive(**numbers: float) -> None:
    """Refuse settings of a pool that are not positive and finite.

    Args:
        numbers: By what they are; underscores stand for blanks.

    Raises:
        RewardError: One is not.
    """
    for what, number in numbers.items():
        if not 0 < number < float("inf"):
            raise RewardError(f"The {what.replace('_', ' ')} is {number}.", allowed="a positive number")
