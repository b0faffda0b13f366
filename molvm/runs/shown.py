"""Which of its classes or prompts a run of images is to show."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.errors import ConfigError


@dataclass(frozen=True)
class Shown:
    """Conditions, each as often as the others.

    Args:
        conditions: By their numbers.
    """

    conditions: tuple[int, ...]

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent conditions, integers of shape (count,)."""
        return torch.tensor(self.conditions)[torch.randint(len(self.conditions), (count,), generator=generator)]


def shown_among(known: Mapping[int, str], wanted: Sequence[str]) -> Shown:
    """Some of the classes or prompts that a run was trained on.

    Args:
        known: What each is called, by its number; a class may have several names, with commas between.
        wanted: Numbers of classes, or names, or prompts.

    Raises:
        ConfigError: The run was not trained on one of them.
    """
    numbers = {str(number): number for number in known}
    for number, text in known.items():
        numbers |= dict.fromkeys([text, *text.split(", ")], number)
    for name in wanted:
        if name not in numbers:
            near = difflib.get_close_matches(name, numbers, n=1)
            raise ConfigError(
                f"The run has not learned of {name!r}.",
                allowed=_some(list(known.values())),
                remedy=f"did you mean {near[0]!r}?" if near else "a run that was trained on it",
            )
    return Shown(tuple(sorted({numbers[name] for name in wanted})))


def _some(texts: Sequence[str], at_most: int = 10) -> str:
    more = f", and {len(texts) - at_most} more" if len(texts) > at_most else ""
    return ", ".join(map(repr, texts[:at_most])) + more
