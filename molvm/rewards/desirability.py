"""Desirabilities: any value mapped to 0 (useless) to 1 (ideal).

Derringer and Suich, J. Qual. Technol. 1980, 12, 214.

None of them looks at the direction of the reward: which end is good is said by the settings alone. Where `low` is
larger than `high`, small values are the good ones. What fails stays the failure it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from molvm.errors import RewardError
from molvm.rewards.base import Reward
from molvm.rewards.composite import Formula, Recipe, compose, require_terms
from molvm.rewards.settings import checked_number, checked_switch

LOGIT = math.log(19.0)
"""The logistic function is 0.95 there, and 0.05 as far on the other side."""

MARGIN = 0.1
"""Of the width of a window, unless said otherwise."""


@dataclass(frozen=True)
class Linear:
    """0 at `low` and beyond, 1 at `high` and beyond, a straight line between."""

    low: float
    high: float

    def __call__(self, values: Sequence[float]) -> float:
        """The desirability of the only value."""
        return min(max((values[0] - self.low) / (self.high - self.low), 0.0), 1.0)

    @property
    def note(self) -> str:
        """Both ends."""
        return f"0 at {self.low:g}, 1 at {self.high:g}"


@dataclass(frozen=True)
class Sigmoid:
    """The logistic function with 0.05 at `low` and 0.95 at `high`."""

    low: float
    high: float

    def __call__(self, values: Sequence[float]) -> float:
        """The desirability of the only value."""
        middle = (self.low + self.high) / 2
        # By tanh, which does not overflow.
        return 0.5 + 0.5 * math.tanh(LOGIT * (values[0] - middle) / (self.high - self.low))

    @property
    def note(self) -> str:
        """Both ends."""
        return f"0.05 at {self.low:g}, 0.95 at {self.high:g}"


@dataclass(frozen=True)
class Window:
    """1 from `low` to `high`, falling to 0 along straight lines that end `margin` outside."""

    low: float
    high: float
    margin: float

    def __call__(self, values: Sequence[float]) -> float:
        """The desirability of the only value."""
        outside = max(self.low - values[0], values[0] - self.high, 0.0)
        if outside == 0.0 or self.margin == 0.0:
            return float(outside == 0.0)
        return max(1.0 - outside / self.margin, 0.0)

    @property
    def note(self) -> str:
        """The range, and where it ends."""
        return (
            f"1 from {self.low:g} to {self.high:g}, 0 beyond {self.low - self.margin:g} and {self.high + self.margin:g}"
        )


@dataclass(frozen=True)
class Step:
    """1 at `threshold` and above, or with `reverse` at it and below; else 0."""

    threshold: float
    reverse: bool

    def __call__(self, values: Sequence[float]) -> float:
        """The desirability of the only value."""
        return float(values[0] <= self.threshold if self.reverse else values[0] >= self.threshold)

    @property
    def note(self) -> str:
        """Which side is good."""
        return f"1 {'up to' if self.reverse else 'from'} {self.threshold:g}"


def linear(reward: Reward, low: float, high: float) -> Reward:
    """Desirability along a straight line: 0 at `low` and beyond, 1 at `high` and beyond.

    Args:
        reward: What is mapped.
        low: Where it is useless, in the reward's unit; larger than `high` where small values are good.
        high: Where it is ideal.

    Raises:
        RewardError: The two are the same, or no numbers.
    """
    return _transformed("linear", reward, Linear(*_ends("linear", low, high)))


def sigmoid(reward: Reward, low: float, high: float) -> Reward:
    """Desirability along a smooth step: 0.05 at `low`, 0.95 at `high`, never flat.

    Args:
        reward: What is mapped.
        low: Where it is nearly useless, in the reward's unit; larger than `high` where small values are good.
        high: Where it is nearly ideal.

    Raises:
        RewardError: The two are the same, or no numbers.
    """
    return _transformed("sigmoid", reward, Sigmoid(*_ends("sigmoid", low, high)))


def window(reward: Reward, low: float, high: float, margin: float | None = None) -> Reward:
    """Desirability of a range: 1 from `low` to `high`, falling to 0 outside.

    Args:
        reward: What is mapped.
        low: Where the range begins, in the reward's unit.
        high: Where it ends, not below `low`.
        margin: How far outside 0 is reached, in the reward's unit; a tenth of the width by default, 0 for none.

    Raises:
        RewardError: The range is upside down, or something is no number.
    """
    low, high = checked_number("low", low), checked_number("high", high)
    if low > high:
        raise RewardError(f"The window from {low:g} to {high:g} is empty.", allowed="low <= high")
    margin = MARGIN * (high - low) if margin is None else checked_number("margin", margin)
    if margin < 0:
        raise RewardError(f"The margin of a window is {margin:g}.", allowed="0 or more")
    return _transformed("window", reward, Window(low, high, margin))


def step(reward: Reward, threshold: float, *, reverse: bool = False) -> Reward:
    """Desirability of a threshold: 1 at it and above, else 0.

    Args:
        reward: What is mapped.
        threshold: In the reward's unit.
        reverse: Whether 1 is at it and below.

    Raises:
        RewardError: The threshold is no number.
    """
    formula = Step(checked_number("threshold", threshold), checked_switch("reverse", reverse))
    return _transformed("step", reward, formula)


def _transformed(kind: str, reward: Reward, formula: Formula) -> Reward:
    terms = require_terms(kind, [reward])
    return compose(Recipe(f"{kind}({reward.name})", terms, formula))


def _ends(kind: str, low: object, high: object) -> tuple[float, float]:
    first, second = checked_number("low", low), checked_number("high", high)
    if first == second:
        raise RewardError(f"The {kind} desirability has both ends at {first:g}.", allowed="two different numbers")
    return first, second
