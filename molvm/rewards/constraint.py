"""Bounds beside a reward: maximise this, and keep that within bounds.

`molvm score` says by how much a molecule is beyond each bound. What a bound costs is not a setting: training finds it
(`molvm.training.lagrangian`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from molvm.errors import RewardError
from molvm.rewards.base import Outcome, Reward
from molvm.rewards.composite import BatchComposite, Composite, Recipe, compose, require_terms, unique_names
from molvm.rewards.settings import checked_number

LAYER = 1
"""Of `constrained` among the rewards that a run has to know the inside of."""


@dataclass(frozen=True)
class Excess:
    """How far the only value is beyond a bound; below zero within it.

    Args:
        bound: In the unit of the value.
        sign: 1 for an upper bound, −1 for a lower one.
        share: Share of the molecules that have to keep the bound; None asks it of their mean.
    """

    bound: float
    sign: float
    share: float | None

    def __call__(self, values: Sequence[float]) -> float:
        """The excess, in the unit of the value."""
        return self.sign * (values[0] - self.bound)

    @property
    def note(self) -> str:
        """Of whom the bound is asked."""
        return "kept in the mean" if self.share is None else f"kept by {self.share:.0%} of the molecules"


@dataclass(frozen=True)
class First:
    """The first value; the others are bounds."""

    def __call__(self, values: Sequence[float]) -> float:
        """The first value."""
        return values[0]

    @property
    def note(self) -> str:
        """What the other terms are."""
        return "within the bounds of the other terms"


@dataclass(frozen=True)
class Constraint:
    """What training has to see to.

    Args:
        key: Where the excess stands in the details of an outcome.
        share: Share of the molecules that have to keep the bound; None asks it of their mean.
    """

    key: str
    share: float | None


def at_most(reward: Reward, bound: float, share: float | None = None) -> Reward:
    """By how much a reward is above a bound, as a term of `constrained`; below zero where the bound is kept.

    Args:
        reward: What is bounded.
        bound: In its unit.
        share: Share of the molecules that have to keep the bound, above 0 and below 1; by default their mean has to.

    Raises:
        RewardError: The bound is no number, or the share not within 0 and 1.
    """
    return _bounded(reward, bound, share, 1.0, "at most")


def at_least(reward: Reward, bound: float, share: float | None = None) -> Reward:
    """By how much a reward is below a bound, as a term of `constrained`; below zero where the bound is kept.

    Args:
        reward: What is bounded.
        bound: In its unit.
        share: Share of the molecules that have to keep the bound, above 0 and below 1; by default their mean has to.

    Raises:
        RewardError: The bound is no number, or the share not within 0 and 1.
    """
    return _bounded(reward, bound, share, -1.0, "at least")


def constrained(reward: Reward, *bounds: Reward) -> Reward:
    """A reward, while others are kept within bounds, as in `constrained(dipole, at_most(sa, 4))`.

    Its value is that of the first reward. A molecule that fails one of the others fails. Training finds what the bounds
    have to cost by an augmented Lagrangian (Gutjahr and De Santi, arXiv 2605.30610); a molecule counts among the best
    of a run only if it keeps all of them itself.

    Args:
        reward: What is maximised or minimised.
        bounds: `at_most` or `at_least` of rewards.

    Raises:
        RewardError: A bound is none, or the reward itself is one.
    """
    terms = require_terms("constrained", (reward, *bounds), LAYER)
    if not bounds or _excess(reward) is not None or any(_excess(bound) is None for bound in bounds):
        raise RewardError(
            f"'constrained' got {', '.join(term.name for term in terms)}.",
            allowed="a reward, then at least one bound",
            remedy="constrained(dipole, at_most(sa, 4))",
        )
    recipe = Recipe(
        reward.name, terms, First(), reward.unit, reward.direction, reward.floor, desirability=False, layer=LAYER
    )
    return compose(recipe)


def constraints_of(reward: Reward) -> tuple[Constraint, ...]:
    """The bounds that a run with this reward has to keep; none for rewards without."""
    if not isinstance(reward, Composite | BatchComposite):
        return ()
    names = unique_names(reward.terms)
    if reward.recipe.layer > LAYER:
        inner = constraints_of(reward.terms[0])
        return tuple(replace(constraint, key=f"{names[0]}.{constraint.key}") for constraint in inner)
    bounds = [(name, _excess(term)) for name, term in zip(names, reward.terms, strict=True)]
    return tuple(Constraint(name, excess.share) for name, excess in bounds if excess is not None)


def keeps(constraints: Sequence[Constraint], outcome: Outcome) -> bool | None:
    """Whether a molecule is within all bounds itself; None if it has failed or there are none."""
    if not constraints or not outcome.ok:
        return None
    return all(float(outcome.details[constraint.key]) <= 0 for constraint in constraints)


def _bounded(reward: Reward, bound: float, share: float | None, sign: float, words: str) -> Reward:
    limit = checked_number("bound", bound)
    if share is not None and not 0 < checked_number("share", share) < 1:
        raise RewardError(f"The share of a bound is {share:g}.", allowed="above 0 and below 1, or none for the mean")
    terms = require_terms(words.replace(" ", "_"), (reward,))
    formula = Excess(limit, sign, share)
    name = f"{reward.name} {words} {limit:g}"
    return compose(Recipe(name, terms, formula, reward.unit, "minimise", None, desirability=False))


def _excess(reward: Reward) -> Excess | None:
    if not isinstance(reward, Composite | BatchComposite):
        return None
    formula = reward.recipe.formula
    return formula if isinstance(formula, Excess) else None
