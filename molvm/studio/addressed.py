"""What an address may ask a field for. Where Streamlit cannot read it, it puts a default and says nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MOST: Final = 2**53 - 1
"""The largest whole number that a browser counts."""


@dataclass(frozen=True)
class Rule:
    """What one key of an address may be followed by.

    Args:
        words: What is allowed, for people; empty for anything.
        allows: Whether these values are; a key may stand in an address several times.
    """

    words: str
    allows: Callable[[Sequence[str]], bool]


ANYTHING: Final = Rule("", lambda _: True)
"""For texts, and for names that the page itself looks up among what is there."""

SWITCH: Final = Rule("true, false", lambda texts: [text.lower() for text in texts] in (["true"], ["false"]))


def whole(low: int, high: int = MOST) -> Rule:
    """One whole number of that range, ends included."""
    return Rule(
        f"a whole number from {low} to {high}",
        lambda texts: len(texts) == 1 and is_whole(texts[0], low, high),
    )


def one_of(names: Iterable[str]) -> Rule:
    """One of the names."""
    known = list(names)
    return Rule(", ".join(known), lambda texts: len(texts) == 1 and texts[0] in known)


def some_of(names: Iterable[str]) -> Rule:
    """Any of the names, or none."""
    known = list(names)
    return Rule(", ".join(known) or "nothing", lambda texts: set(texts) <= {*known, ""})


def span(low: float, high: float) -> Rule:
    """Two numbers from `low` to `high`, the smaller first."""

    def allows(texts: Sequence[str]) -> bool:
        if len(texts) != 2 or not all(map(is_number, texts)):
            return False
        first, last = map(float, texts)
        return low <= first <= last <= high

    return Rule(f"two numbers from {low:.12g} to {high:.12g}, the smaller first", allows)


def refusals(rules: Mapping[str, Rule], asked: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Keys that are followed by what is not allowed, and what is; keys without a rule are `strangers`."""
    return {key: rules[key].words for key, texts in asked.items() if key in rules and not rules[key].allows(texts)}


def strangers(rules: Mapping[str, Rule], asked: Iterable[str]) -> list[str]:
    """Keys that no rule knows, in order."""
    return [key for key in asked if key not in rules]


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
