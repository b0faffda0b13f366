"""The common frame of all rewards that a pipeline computes."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, TypeVar, cast, get_args

from molvm.chem.engines.base import Method, SinglePoint
from molvm.chem.engines.external import TIME_LIMIT
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.relaxers import RelaxationMethod
from molvm.errors import RewardError
from molvm.programs.argv import found_program
from molvm.rewards.base import Direction, MoleculeReward, Outcome
from molvm.rewards.pipeline import EngineName, Pipeline, require_packages
from molvm.rewards.stages import (
    StageFailure,
    TimedSinglePoint,
    pass_gate,
    relaxation_details,
    relaxed,
    single_point,
)
from molvm.rewards.versions import EDITION, versions_of

Details = dict[str, float | str]


@dataclass(frozen=True)
class Computed(MoleculeReward):
    """A property of the relaxed molecule: gate, relaxation, what the subclass measures, physical range.

    Args:
        pipeline: How it is computed.
        keep_positions: Whether outcomes carry the relaxed positions.
    """

    name: str = ""
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = None
    pipeline: Pipeline = field(default_factory=Pipeline)
    keep_positions: bool = False

    cost = 0.3

    neutral_only: ClassVar[bool] = False
    """Whether the property is one of neutral molecules."""

    smallest: ClassVar[float | None] = None
    """What no molecule has less of, if there is such a value; a failure counts as it where more is better."""

    @property
    def cached_as(self) -> str | None:
        """All settings, and the versions of what computes; None for a program, which may change unseen."""
        if self.pipeline.program is not None:
            return None
        versions = versions_of("molvm", "rdkit", *self.packages())
        return "; ".join((f"{EDITION}", f"{type(self).__module__}.{self!r}", *versions))

    def packages(self) -> tuple[str, ...]:
        """What must be installed to compute it."""
        return self.pipeline.packages()

    @property
    def time_limit(self) -> float:
        """Seconds that a molecule may take by limits of its own; 0 where there are none."""
        return self.pipeline.seconds_needed

    @abstractmethod
    def measure(self, molecule: Molecule, relaxation: Relaxation) -> tuple[float, Details]:
        """The value and further details.

        Raises:
            StageFailure: It cannot be computed, or no molecule has such a value.
        """

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The value, or the check or step that the molecule did not pass.

        The details are those of the relaxation (`relaxation_details`) and what the property adds.
        """
        try:
            pass_gate(molecule, self.pipeline.gate(neutral=self.neutral_only))
            relaxation = relaxed(molecule, self.pipeline.relaxer)
            value, details = self.measure(molecule, relaxation)
        except StageFailure as failed:
            return self.fail(molecule, failed.failure.kind, failed.failure.stage, failed.failure.reason)
        outcome = self.succeed(molecule, value, relaxation_details(self.pipeline.relaxer, relaxation) | details)
        # A copy: the relaxation is shared, and what a caller does to an outcome must not come back.
        return replace(outcome, positions=relaxation.positions.copy()) if self.keep_positions else outcome

    def within(self, value: float, low: float, high: float) -> float:
        """The value, where it is within what any molecule of this size can have.

        Raises:
            StageFailure: It is not.
        """
        # Written so that not a number is out of range.
        if not low <= value <= high:
            reason = f"{self.name} {value:.3g} {self.unit}, outside {low:.3g} to {high:.3g}"
            raise StageFailure("failed", "range", reason)
        return value

    def point(self, molecule: Molecule, relaxation: Relaxation, engine: SinglePoint | None = None) -> TimedSinglePoint:
        """The single point at the relaxed positions, by the pipeline's engine or another.

        Raises:
            StageFailure: The engine failed.
        """
        engine = self.pipeline.calculator() if engine is None else engine
        return single_point(molecule, self.pipeline.relaxer, relaxation, engine, self.pipeline.total_charge(molecule))

    def check(self) -> None:
        """Refuse settings that the property cannot be computed with; called when it is made by name.

        Raises:
            RewardError: It cannot.
        """
        if self.neutral_only and self.pipeline.charge:
            raise RewardError(
                f"The reward {self.name!r} is one of neutral molecules, and the charge is set to "
                f"{self.pipeline.charge:+d}.",
                remedy="no charge",
            )


C = TypeVar("C", bound=Computed)
M = TypeVar("M", bound=Callable[..., Computed])
C_co = TypeVar("C_co", bound=Computed, covariant=True)


class Makes(Protocol[C_co]):
    """What `factory` gives, for type checkers."""

    def __call__(
        self,
        *,
        relaxation: RelaxationMethod | None = ...,
        single_point: Method = ...,
        engine: EngineName = ...,
        solvent: str | None = ...,
        charge: int | None = ...,
        spin: int = ...,
        direction: str = ...,
        keep_positions: bool = ...,
        program: str | Sequence[str] | None = ...,
        time_limit: float = ...,
    ) -> C_co:
        """The reward with these settings."""


class MakesRelaxed(Protocol[C_co]):
    """What `relaxation_factory` gives, for type checkers."""

    def __call__(
        self,
        *,
        relaxation: RelaxationMethod | None = ...,
        charge: int | None = ...,
        spin: int = ...,
        direction: str = ...,
        keep_positions: bool = ...,
        program: str | Sequence[str] | None = ...,
        time_limit: float = ...,
    ) -> C_co:
        """The reward with these settings."""


_PROGRAM = """\
    program: What external stands for: a program of yours with {xyz}, {charge}, {unpaired} and {task} in its
        arguments, as one text or a list; it answers with JSON (examples/engine.py). No shell runs it.
    time_limit: Seconds that the program may take for a geometry.

Raises:
    ConfigError: Settings that do not exist or do not go together.
    RewardError: Settings that this property cannot be computed with, or no such program.
    MissingDependencyError: An engine is not installed."""

SETTINGS = f"""Args:
    relaxation: gfnff, gfn2, mmff, external, or none for the geometry as it is; in vacuum.
    single_point: gfn2 or gfn1.
    engine: tblite, xtb (xtb-python; no solvents), or external.
    solvent: Of the single point, by ALPB: water, dmso, octanol, ...; none for vacuum.
    charge: Total charge; none for the sum of the formal charges.
    spin: Number of unpaired electrons.
    direction: maximise or minimise.
    keep_positions: Whether outcomes carry the relaxed positions, for a viewer.
{_PROGRAM}"""
"""What all rewards made by `factory` say of their parameters."""

RELAXATION_SETTINGS = f"""Args:
    relaxation: gfnff, gfn2, mmff, external, or none for the geometry as it is; in vacuum.
    charge: Total charge; none for the sum of the formal charges.
    spin: Number of unpaired electrons; gfnff knows none.
    direction: maximise or minimise.
    keep_positions: Whether outcomes carry the relaxed positions, for a viewer.
{_PROGRAM}"""
"""What all rewards made by `relaxation_factory` say of their parameters."""


def honest_floor(smallest: float | None, direction: str) -> float | None:
    """What a failure counts as: the smallest possible value where more is better, else the objective's choice.

    Raises:
        RewardError: There is no such direction.
    """
    if direction not in get_args(Direction):
        raise RewardError(f"A reward has the direction {direction!r}.", allowed="maximise or minimise")
    return smallest if direction == "maximise" else None


def checked(reward: C) -> C:
    """The reward, if it can be computed here as it is set.

    Raises:
        RewardError: The property cannot be computed with these settings.
        MissingDependencyError: An engine is not installed.
    """
    reward.check()
    require_packages(reward.packages(), reward.name)
    return reward


def factory(kind: type[C], solvent: str | None = None) -> Makes[C]:
    """What makes rewards of a kind by name.

    Args:
        kind: A class whose fields all have defaults.
        solvent: Its default.
    """
    default_direction, default_solvent = cast(str, kind.direction), solvent

    def make(
        *,
        relaxation: RelaxationMethod | None = "gfnff",
        single_point: Method = "gfn2",
        engine: EngineName = "tblite",
        solvent: str | None = default_solvent,
        charge: int | None = None,
        spin: int = 0,
        direction: str = default_direction,
        keep_positions: bool = False,
        program: str | Sequence[str] | None = None,
        time_limit: float = TIME_LIMIT,
    ) -> C:
        further = _program_settings(program, time_limit)
        pipeline = Pipeline(relaxation, single_point, engine, solvent, charge, spin, **further)
        return _made(kind, pipeline, direction, keep_positions=keep_positions)

    return _named(make, kind, SETTINGS)


def relaxation_factory(kind: type[C]) -> MakesRelaxed[C]:
    """What makes rewards of a kind by name that needs a relaxation and no single point.

    Args:
        kind: A class whose fields all have defaults.
    """
    default_direction = cast(str, kind.direction)

    def make(
        *,
        relaxation: RelaxationMethod | None = "gfnff",
        charge: int | None = None,
        spin: int = 0,
        direction: str = default_direction,
        keep_positions: bool = False,
        program: str | Sequence[str] | None = None,
        time_limit: float = TIME_LIMIT,
    ) -> C:
        pipeline = Pipeline(relaxation, charge=charge, spin=spin, **_program_settings(program, time_limit))
        return _made(kind, pipeline, direction, keep_positions=keep_positions)

    return _named(make, kind, RELAXATION_SETTINGS)


def _program_settings(program: str | Sequence[str] | None, time_limit: float) -> dict[str, Any]:
    return {"program": None if program is None else found_program(program), "time_limit": time_limit}


def _made(kind: type[C], pipeline: Pipeline, direction: str, *, keep_positions: bool) -> C:
    floor = honest_floor(kind.smallest, direction)
    made = kind(direction=cast(Direction, direction), floor=floor, pipeline=pipeline, keep_positions=keep_positions)
    return checked(made)


def _named(make: M, kind: type[Computed], settings: str) -> M:
    make.__name__ = make.__qualname__ = kind.name
    # The fields of the class are not the settings of its name.
    description = inspect.cleandoc(kind.__doc__ or "").partition("\n\nArgs:")[0]
    make.__doc__ = f"{description}\n\n{settings}"
    return make
