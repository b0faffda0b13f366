"""What users write as settings of rewards, checked where a reward is made and not where it is used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

from molvm.errors import RewardError
from molvm.rewards.base import Direction


def checked_direction(direction: str) -> Direction:
    """The direction.

    Raises:
        RewardError: It is none.
    """
    for known in get_args(Direction):
        if direction == known:
            return known  # type: ignore[no-any-return]
    raise RewardError(f"The direction of a reward is {direction!r}.", allowed="'maximise' or 'minimise'")


def checked_number(name: str, value: object) -> float:
    """The value as a number.

    Raises:
        RewardError: It is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RewardError(f"The setting {name!r} of a reward is {value!r}.", allowed="a finite number")
    return float(value)


def checked_positive(name: str, value: object) -> float:
    """The value as a number above 0.

    Raises:
        RewardError: It is none.
    """
    number = checked_number(name, value)
    if number <= 0:
        raise RewardError(f"The setting {name!r} of a reward is {value!r}.", allowed="a number above 0")
    return number


def checked_weights(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    """One positive weight a term; 1 each if none are given.

    Raises:
        RewardError: There are more or fewer than terms, or one is not above 0.
    """
    if weights is None:
        return (1.0,) * count
    if isinstance(weights, str) or not isinstance(weights, Sequence) or len(weights) != count:
        raise RewardError(f"{count} rewards are combined with the weights {weights!r}.", allowed="one weight a reward")
    return tuple(checked_positive("weights", weight) for weight in weights)


def checked_text(name: str, value: object) -> str:
    """The value, a text that is not empty.

    Raises:
        RewardError: It is none.
    """
    if not isinstance(value, str) or not value:
        raise RewardError(
            f"The setting {name!r} of a reward is {value!r}.", allowed="a text", remedy="quotes around it"
        )
    return value


def checked_name(name: object) -> str:
    """The name of a reward, which is to be the head of a column and a field of SD files.

    Raises:
        RewardError: It is empty, has several lines, or has angle brackets.
    """
    text = checked_text("name", name)
    if not text.strip() or set(text) & set("<>\r\n"):
        raise RewardError(f"A reward cannot be named {text!r}.", allowed="one line of text without < and >")
    return text


def checked_switch(name: str, value: object) -> bool:
    """The value, true or false.

    Raises:
        RewardError: It is neither.
    """
    if not isinstance(value, bool):
        raise RewardError(f"The setting {name!r} of a reward is {value!r}.", allowed="true or false")
    return value
