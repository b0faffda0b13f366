"""What a reward is: a number or a typed failure for every molecule, never a magic number."""

from __future__ import annotations

import math
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, final, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from molvm.chem.molecule import Molecule, require_molecule
from molvm.errors import ImageError, RewardError
from molvm.images.image import Image
from molvm.subject import Subject
from molvm.templates import rendered

FailureKind = Literal["invalid", "rejected", "failed", "timeout", "crashed", "cancelled", "reward_error"]
"""invalid: no molecule. rejected: a molecule out of the reward's scope. failed: the computation did not converge
or gave nonsense. timeout, crashed: the worker had to be ended, or ended itself. cancelled: never evaluated.
reward_error: the reward's own code raised, or returned something that is no finite number."""

FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)

Direction = Literal["maximise", "minimise"]


LONGEST_REASON = 1000
"""Characters. A reward may raise with the whole of what it was given."""

_STEERING = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Escape sequences and control characters, but for tabs and ends of lines."""


@dataclass(frozen=True)
class Failure:
    """Why a molecule has no value.

    Args:
        kind: One of `FAILURE_KINDS`.
        stage: The check or step that failed, a short name that can be counted.
        reason: One sentence for people; of a long one the beginning, and without what would steer a terminal.
    """

    kind: FailureKind
    stage: str
    reason: str

    def __post_init__(self) -> None:
        reason = _STEERING.sub(" ", self.reason)
        if len(reason) > LONGEST_REASON:
            reason = reason[: LONGEST_REASON - 1] + "…"
        object.__setattr__(self, "reason", reason)
        if self.kind not in FAILURE_KINDS:
            raise RewardError(f"There is no failure kind {self.kind!r}.", allowed=", ".join(FAILURE_KINDS))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a reward says of one molecule: a value or a failure, and nothing in between.

    Args:
        id: The molecule's id.
        value: The reward, finite, in `unit`; None exactly when there is a failure.
        unit: The unit of `value`; empty for pure numbers.
        details: Further results, numbers or short texts.
        failure: Why there is no value.
        seconds: Wall time of the evaluation.
        positions: (n, 3) relaxed positions in Å, for rewards that are asked to keep them.

    Raises:
        RewardError: There are both a value and a failure, or neither, or the value is no finite number.
    """

    id: str
    value: float | None
    unit: str = ""
    details: Mapping[str, float | str] = field(default_factory=dict)
    failure: Failure | None = None
    seconds: float = 0.0
    positions: NDArray[np.float64] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if (self.value is None) == (self.failure is None):
            raise RewardError(f"The outcome of molecule {self.id!r} must have either a value or a failure.")
        if self.value is not None and not _is_finite(self.value):
            raise RewardError(
                f"The outcome of molecule {self.id!r} has the value {self.value!r:.60}.", allowed="a finite number"
            )

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.failure is None

    def _repr_html_(self) -> str:
        """For notebooks."""
        return rendered(Path(__file__).parent / "outcome.html.j2", outcome=self)


@runtime_checkable
class Reward(Protocol):
    """Scores samples, molecules or images: one outcome each, in order, with the ids of the samples."""

    @property
    def name(self) -> str:
        """Short name; the column of result tables."""

    @property
    def unit(self) -> str:
        """Unit of the values; empty for pure numbers."""

    @property
    def direction(self) -> Direction:
        """Which way is better."""

    @property
    def floor(self) -> float | None:
        """What the reward proposes that a failure be worth; None leaves it to the objective."""

    def __call__(self, samples: Sequence[Any], /) -> list[Outcome]:
        """Outcomes of the samples, one each, in order."""


class Sample(Protocol):
    """What a model makes and a reward judges: a `Molecule` or an `Image`."""

    @property
    def id(self) -> str:
        """What it is called in outcomes and files."""


class SampleReward(ABC):
    """A reward that looks at one sample at a time, so that a pool can evaluate it in other processes.

    Subclasses say what they judge, implement `evaluate` and must survive pickling. Calling the reward evaluates here,
    one sample after the other and without isolation; `molvm.rewards.isolated` does it in workers.
    """

    judges: Subject

    name: str
    unit: str
    direction: Direction
    floor: float | None

    desirability: bool = False
    """Whether every value lies within 0 and 1 and more is better, so that values may be multiplied."""

    cost: float = 0.01
    """Rough seconds a sample; among several rewards the cheapest looks first."""

    worth_keeping: bool = True
    """Whether it takes longer than to find an outcome that was kept."""

    @abstractmethod
    def evaluate(self, sample: Any) -> Outcome:
        """The outcome of one sample. May raise: that becomes a `reward_error`."""

    @property
    def cached_as(self) -> str | None:
        """All that decides an outcome besides the sample: settings, versions. None if it may come out otherwise."""
        return None

    def succeed(self, sample: Sample, value: float, details: Mapping[str, float | str] | None = None) -> Outcome:
        """The outcome with this value."""
        return Outcome(sample.id, value, self.unit, details or {})

    def fail(self, sample: Sample, kind: FailureKind, stage: str, reason: str) -> Outcome:
        """The outcome without a value."""
        return Outcome(sample.id, None, self.unit, failure=Failure(kind, stage, reason))

    @final
    def outcome(self, sample: Sample) -> Outcome:
        """`evaluate`, timed, with every exception turned into a failure."""
        started = time.perf_counter()
        try:
            result = self.evaluate(sample)
        # SystemExit too: a reward may raise anything, and one sample must not end a run.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            result = self.fail(sample, "reward_error", self.name, described(error))
        return replace(result, seconds=time.perf_counter() - started)

    @final
    def __call__(self, samples: Sequence[Any]) -> list[Outcome]:
        """Outcomes of the samples in order, evaluated in this process.

        Raises:
            RewardError: It is given one sample in place of several.
            MoleculeError: It judges molecules, and is given something else, such as SMILES.
            ImageError: It judges images, and is given something else.
        """
        if isinstance(samples, str) or not isinstance(samples, Iterable):
            raise RewardError(
                f"The reward {self.name!r} is asked about {samples!r:.60}.",
                allowed=f"several {self.judges} in a list",
                remedy="[molecule] for one" if self.judges == "molecules" else "[image] for one",
            )
        require_samples(self, samples)
        return checked_outcomes(self.name, samples, [self.outcome(sample) for sample in samples])


class MoleculeReward(SampleReward):
    """A reward that looks at one molecule at a time."""

    judges: Subject = "molecules"

    @abstractmethod
    def evaluate(self, molecule: Molecule) -> Outcome:
        """The outcome of one molecule. May raise: that becomes a `reward_error`."""


def require_samples(reward: SampleReward, samples: Iterable[object]) -> None:
    """Refuse what no reward judges. An image is a failure of a reward of molecules, and the other way round.

    Raises:
        MoleculeError: One is to be a molecule of molvm and is not.
        ImageError: One is to be an image of molvm and is not.
    """
    asked = f"The reward {reward.name!r}"
    for sample in samples:
        if isinstance(sample, Molecule | Image):
            continue
        if reward.judges == "molecules":
            require_molecule(sample, asked)
        else:
            raise ImageError(
                f"{asked} is given {sample!r:.60}, a {type(sample).__name__}.",
                allowed="a molvm.images.Image",
                remedy="molvm.images.Image.from_pil(picture) for one of Pillow",
            )


def _is_finite(value: object) -> bool:
    try:
        return math.isfinite(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False


def described(error: BaseException) -> str:
    """What was raised, in one line, whatever it does when it is asked."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - the reward's own class may raise anything
        return f"{type(error).__name__}, which cannot be printed"


def terms_of(reward: Reward) -> tuple[Reward, ...]:
    """The rewards that a reward is made of; none for one that stands alone."""
    return tuple(getattr(reward, "terms", ()))


def wants_one_process(reward: Reward) -> bool:
    """Whether the reward or one of its terms holds so much memory that one process of it is enough."""
    return bool(getattr(reward, "one_process", False)) or any(map(wants_one_process, terms_of(reward)))


def time_needed(reward: Reward) -> float:
    """Seconds that a molecule may take by the limits that the reward and its terms have of their own; 0 for none."""
    return float(getattr(reward, "time_limit", 0.0)) + sum(time_needed(term) for term in terms_of(reward))


def checked_outcomes(name: str, molecules: Sequence[Sample], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes, when there is one for each molecule and in the molecules' order.

    Args:
        name: The reward's name, for the message.
        molecules: What was asked.
        outcomes: What the reward answered.

    Raises:
        RewardError: Their number or their ids differ.
    """
    if len(outcomes) != len(molecules):
        raise RewardError(
            f"The reward {name!r} returned {len(outcomes)} outcomes for {len(molecules)} molecules.",
            allowed="one a molecule, in order",
        )
    for position, (molecule, outcome) in enumerate(zip(molecules, outcomes, strict=True)):
        if molecule.id != outcome.id:
            raise RewardError(
                f"Outcome {position} of the reward {name!r} belongs to {outcome.id!r} and not to {molecule.id!r}.",
                allowed="one a molecule, in order",
            )
    return list(outcomes)
