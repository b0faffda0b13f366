"""What a model of images is asked to show."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from molvm.errors import ConfigError, ModelError


@dataclass(frozen=True)
class Conditioning:
    """Prompts or classes, of which each sample gets one, all equally often, and how much the model is to heed it.

    Args:
        prompts: Texts, for models that take texts.
        classes: Names or numbers, for models that have classes; all of them if none is given.
        guidance_scale: g of classifier-free guidance, null + g (conditional − null), which becomes part of the base
            model: in training and in sampling. 1 is none, as in the Value Matching paper.

    Raises:
        ConfigError: There are both prompts and classes, or g is out of range.
    """

    prompts: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    guidance_scale: float = 1.0

    def __post_init__(self) -> None:
        if self.prompts and self.classes:
            raise ConfigError("Both prompts and classes are given.", allowed="one of them")
        if not (math.isfinite(self.guidance_scale) and self.guidance_scale >= 1):
            raise ConfigError(f"The guidance scale is {self.guidance_scale}.", allowed="a number from 1, for none")

    def require_none(self, model: str) -> None:
        """Refuse prompts, classes and guidance.

        Raises:
            ModelError: There are some.
        """
        if self != Conditioning():
            raise ModelError(
                f"The model {model} takes no prompts, no choice of classes and no guidance scale.",
                remedy="leaving them out",
            )

    def chosen_of(self, model: str, labels: Sequence[str]) -> list[int]:
        """The classes that are chosen of a model without guidance, by their number.

        Raises:
            ModelError: There are prompts or a guidance scale, or the model has no such class.
        """
        if self.guidance_scale != 1:
            raise ModelError(
                f"The model {model} knows no image without a class, by which it could be guided.",
                remedy="no guidance scale",
            )
        numbers = {label: number for number, label in enumerate(labels)}
        return list(self.chosen_classes(model, dict(enumerate(labels)), numbers))

    def require_prompts(self, model: str) -> dict[int, str]:
        """The prompts by their number.

        Raises:
            ModelError: There are none, or classes.
        """
        if not self.prompts or self.classes:
            raise ModelError(
                f"The model {model} draws what a text says.",
                allowed="prompts",
                remedy="--prompts FILE, with a prompt on each line",
            )
        return dict(enumerate(self.prompts))

    def chosen_classes(self, model: str, labels: Mapping[int, str], numbers: Mapping[str, int]) -> dict[int, str]:
        """The classes that are chosen, in increasing order, with their labels.

        Args:
            model: How messages call the model.
            labels: All classes that it has.
            numbers: Name to class; a class may have several, which its label holds with commas between.

        Raises:
            ModelError: There are prompts, or the model has no such class.
        """
        if self.prompts:
            raise ModelError(f"The model {model} has classes, and takes no prompts.", remedy="--classes, or neither")
        if not self.classes:
            return dict(labels)
        numbers = {**{label: number for number, label in labels.items()}, **numbers}
        chosen = set()
        for name in self.classes:
            number = int(name) if name.isdecimal() else numbers.get(name, -1)
            if number not in labels:
                near = difflib.get_close_matches(name, numbers, n=1)
                raise ModelError(
                    f"The model {model} has no class {name!r}.",
                    allowed=f"{min(labels)} to {max(labels)}, or the name of one",
                    remedy=f"did you mean {near[0]!r}?" if near else None,
                )
            chosen.add(number)
        return {number: labels[number] for number in sorted(chosen)}
