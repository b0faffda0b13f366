"""What there is to know of a reward before it is used."""

from __future__ import annotations

import inspect

from molvm.arguments import typed
from molvm.rewards.base import Reward, terms_of
from molvm.rewards.registry import find_factory, usage


def summary(name: str) -> str:
    """The first line of what a registered reward says of itself."""
    return (inspect.getdoc(find_factory(name)) or "").partition("\n")[0]


def manual(name: str) -> str:
    """How a registered reward is written, and all that it says of itself."""
    return f"{usage(name)}\n\n{inspect.getdoc(find_factory(name)) or ''}".rstrip()


@typed()
def describe(reward: Reward) -> str:
    """The name, unit, direction, floor and settings of a reward, and under it those of the rewards it is made of."""
    return "\n".join(_lines(reward, 0))


def _lines(reward: Reward, depth: int) -> list[str]:
    unit = f" [{reward.unit}]" if reward.unit else ""
    floor = "the worst of a base batch" if reward.floor is None else f"{reward.floor:g}"
    note = getattr(reward, "note", "")
    line = f"{'  ' * depth}{reward.name}{unit}: {reward.direction}, a failure counts as {floor}"
    line += f"; {note}" if note else ""
    return [line, *(each for term in terms_of(reward) for each in _lines(term, depth + 1))]
