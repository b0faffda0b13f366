"""Rewards from plain Python functions of an RDKit molecule or a Pillow image."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from pathlib import Path
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, SupportsFloat, cast, get_args, overload

from molvm.arguments import typed
from molvm.chem.molecule import Molecule
from molvm.chem.validity import SOUND
from molvm.errors import RewardError
from molvm.images.image import Image
from molvm.rewards.base import Direction, Outcome, Sample, SampleReward
from molvm.subject import Subject

if TYPE_CHECKING:
    import PIL.Image
    from rdkit import Chem

Score = Callable[["Chem.Mol"], SupportsFloat | None] | Callable[["PIL.Image.Image"], SupportsFloat | None]
"""A function from a sanitised RDKit molecule, hydrogens and one conformer included, or a Pillow image, to a number."""


class PythonReward(SampleReward):
    """A reward that calls a function.

    Molecules that are not sound (`molvm.chem.validity.SOUND`) fail before the function sees them. An exception,
    None, or a number that is not finite is a `reward_error`, never a zero.

    Args:
        function: Scores a sanitised RDKit molecule with hydrogens and one conformer, or a Pillow image (L or RGB).
        name: Name of the reward.
        unit: Unit of its values.
        direction: Which way is better.
        floor: What a failure is worth; None leaves it to the objective.
        judges: What the function is given.
    """

    def __init__(
        self,
        function: Score,
        *,
        name: str,
        unit: str,
        direction: Direction,
        floor: float | None,
        judges: Subject = "molecules",
    ) -> None:
        if judges not in get_args(Subject):
            raise RewardError(f"The reward {name!r} judges {judges!r}.", allowed="'molecules' or 'images'")
        if direction not in ("maximise", "minimise"):
            raise RewardError(
                f"The reward {name!r} has the direction {direction!r}.", allowed="'maximise' or 'minimise'"
            )
        if floor is not None and not math.isfinite(floor):
            raise RewardError(f"The reward {name!r} has the floor {floor}.", allowed="a finite number or None")
        self.function = function
        self.name, self.unit, self.direction, self.floor, self.judges = name, unit, direction, floor, judges
        self.__doc__ = function.__doc__

    def evaluate(self, sample: Molecule | Image) -> Outcome:
        """The function's value, or why there is none."""
        return self._of_image(sample) if isinstance(sample, Image) else self._of_molecule(sample)

    def _of_image(self, image: Image) -> Outcome:
        return self._answered(image, cast(Callable[[Any], Any], self.function)(image.pil()))

    def _of_molecule(self, molecule: Molecule) -> Outcome:
        from molvm.chem.rdkit_bridge import sanitised

        rejection = SOUND(molecule)
        if rejection is not None:
            return self.fail(molecule, rejection.kind, rejection.check, rejection.reason)
        mol = sanitised(molecule)
        if isinstance(mol, str):
            return self.fail(molecule, "invalid", "valences", mol)
        return self._answered(molecule, cast(Callable[[Any], Any], self.function)(mol))

    def _answered(self, sample: Sample, answer: SupportsFloat | str | bytes | None) -> Outcome:
        """The outcome that belongs to what the function returned."""
        if answer is None:
            return self.fail(sample, "reward_error", self.name, "the function returned None")
        if isinstance(answer, str | bytes):
            return self.fail(sample, "reward_error", self.name, f"the function returned text, {answer!r:.40}")
        value = float(answer)
        if not math.isfinite(value):
            return self.fail(sample, "reward_error", self.name, f"the function returned {value}")
        return self.succeed(sample, value)

    def __reduce__(self) -> tuple[Callable[..., PythonReward], tuple[object, ...]]:
        # A decorated function is found under its own name, but as this object, which pickle would refuse.
        module, path = _address(self.function)
        if module == "__main__" and not Path(getattr(sys.modules["__main__"], "__file__", "")).is_file():
            raise PicklingError(f"the function {path!r} was defined in an interactive session")
        return _restore, (module, path, self.name, self.unit, self.direction, self.floor, self.judges)


def _address(function: Score) -> tuple[str, str]:
    """Where another process finds a function: its module, and its path in there.

    Raises:
        PicklingError: It is not at the top level of a module.
    """
    module = getattr(function, "__module__", None) or ""
    path = getattr(function, "__qualname__", getattr(function, "__name__", "<unknown>"))
    if "<" in path:
        # Many of RDKit's descriptors are lambdas that have a name all the same.
        namespace = vars(sys.modules[module]) if module in sys.modules else {}
        names = [name for name, value in namespace.items() if value is function]
        if not names:
            raise PicklingError(f"the function {path!r} is not at the top level of a module")
        path = names[0]
    return module, path


def _restore(
    module: str, path: str, name: str, unit: str, direction: Direction, floor: float | None, judges: Subject
) -> PythonReward:
    """The reward of the function of this module and path, in whatever process we are."""
    found = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    if isinstance(found, PythonReward):
        return found
    function = cast("Score", found)
    return PythonReward(function, name=name, unit=unit, direction=direction, floor=floor, judges=judges)


@overload
def reward(function: Score, /) -> PythonReward: ...


@overload
def reward(
    *,
    unit: str = "",
    name: str | None = None,
    direction: Direction = "maximise",
    floor: float | None = None,
    judges: Subject = "molecules",
) -> Callable[[Score], PythonReward]: ...


@typed()
def reward(
    function: Score | None = None,
    /,
    *,
    unit: str = "",
    name: str | None = None,
    direction: Direction = "maximise",
    floor: float | None = None,
    judges: Subject = "molecules",
) -> PythonReward | Callable[[Score], PythonReward]:
    """Make a reward of a function: `@reward` or `@reward(unit="Å²")`.

    Args:
        function: The function, when the decorator stands without parentheses.
        unit: Unit of the values; empty for pure numbers.
        name: Name of the reward; the function's own by default.
        direction: Which way is better.
        floor: What a failure is worth; None leaves it to the objective.
        judges: "images" for a function of a Pillow image.

    Returns:
        The reward, or a decorator that makes it.

    Raises:
        RewardError: From the decorator: it is given no function, or a setting is out of range.
    """

    def decorate(function: Score) -> PythonReward:
        if not callable(function):
            raise RewardError(f"{function!r:.60} is no function.", allowed="a function of a molecule or an image")
        own_name = getattr(function, "__name__", "reward")
        return PythonReward(function, name=name or own_name, unit=unit, direction=direction, floor=floor, judges=judges)

    return decorate if function is None else decorate(function)
