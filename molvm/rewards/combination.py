"""Several rewards as one: sums, products, means, and one before the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from molvm.errors import RewardError
from molvm.rewards.base import Direction, Reward
from molvm.rewards.composite import ROUNDING, Recipe, compose, is_desirability, require_terms
from molvm.rewards.settings import checked_name, checked_number, checked_weights


@dataclass(frozen=True)
class Sum:
    """The sum of the values times their factors."""

    factors: tuple[float, ...]

    def __call__(self, values: Sequence[float]) -> float:
        """The sum."""
        return sum(factor * value for factor, value in zip(self.factors, values, strict=True))

    @property
    def note(self) -> str:
        """The factors."""
        return "factors " + ", ".join(f"{factor:g}" for factor in self.factors)


@dataclass(frozen=True)
class Product:
    """The product of values within 0 and 1, each to a power."""

    powers: tuple[float, ...]

    def __call__(self, values: Sequence[float]) -> float:
        """The product."""
        # A desirability may be below 0 by rounding, of which no root can be taken.
        return math.prod(math.pow(max(value, 0.0), power) for power, value in zip(self.powers, values, strict=True))

    @property
    def note(self) -> str:
        """The powers, where they are not all 1."""
        return "" if set(self.powers) == {1.0} else "powers " + ", ".join(f"{power:.3g}" for power in self.powers)


@dataclass(frozen=True)
class Lexicographic:
    """The first value in levels of `tolerance`, the second within each level, and so on; 0 to 1.

    A level that is higher by one outweighs all that stands behind it, which gets half of a level.
    """

    tolerance: float

    def __call__(self, values: Sequence[float]) -> float:
        """The value."""
        rest = values[-1]
        for value in reversed(values[:-1]):
            level = math.floor(value / self.tolerance + ROUNDING) * self.tolerance
            rest = (level + self.tolerance / 2 * rest) / (1 + self.tolerance / 2)
        return rest

    @property
    def note(self) -> str:
        """The tolerance."""
        return f"the first before the others, values within {self.tolerance:g} alike"


def weighted_sum(*terms: Reward, weights: Sequence[float] | None = None, name: str = "weighted_sum") -> Reward:
    """Sum of rewards times their weights.

    Terms to minimise are subtracted; if all are to be minimised, so is their sum. All have one unit, or none.

    Args:
        terms: What is added.
        weights: One above 0 for each; 1 by default.
        name: Of the sum; its column in tables.

    Raises:
        RewardError: The units differ, or the weights are wrong.
    """
    terms = require_terms("weighted_sum", terms)
    if len({term.unit for term in terms}) > 1:
        units = ", ".join(f"{term.name} in {term.unit or 'no unit'}" for term in terms)
        raise RewardError(
            f"Different units cannot be added: {units}.", remedy="linear, sigmoid or window around the terms"
        )
    direction: Direction = "minimise" if all(term.direction == "minimise" for term in terms) else "maximise"
    factors = tuple(
        weight if term.direction == direction else -weight
        for term, weight in zip(terms, checked_weights(weights, len(terms)), strict=True)
    )
    within = all(is_desirability(term) for term in terms) and sum(factors) <= 1 + ROUNDING
    floor = _sum_of_floors(terms, factors)
    return compose(
        Recipe(checked_name(name), terms, Sum(factors), terms[0].unit, direction, floor, desirability=within)
    )


def product(*terms: Reward, name: str = "product") -> Reward:
    """Product of desirabilities: what is useless in one way is useless.

    Args:
        terms: Rewards that lie within 0 and 1 and are to be maximised.
        name: Of the product; its column in tables.

    Raises:
        RewardError: One is not; wrap it in `linear`, `sigmoid`, `window` or `step`.
    """
    terms = _desirabilities("product", terms)
    return compose(Recipe(checked_name(name), terms, Product((1.0,) * len(terms))))


def geometric_mean(*terms: Reward, weights: Sequence[float] | None = None, name: str = "geometric_mean") -> Reward:
    """Geometric mean of desirabilities, the overall desirability of Derringer and Suich (1980).

    Args:
        terms: Rewards that lie within 0 and 1 and are to be maximised.
        weights: One above 0 for each; alike by default. Only their ratios matter.
        name: Of the mean; its column in tables.

    Raises:
        RewardError: A term is not such a reward, or the weights are wrong.
    """
    terms = _desirabilities("geometric_mean", terms)
    given = checked_weights(weights, len(terms))
    powers = tuple(weight / sum(given) for weight in given)
    return compose(Recipe(checked_name(name), terms, Product(powers)))


def lexicographic(*terms: Reward, tolerance: float = 0.05, name: str = "lexicographic") -> Reward:
    """The first desirability before all others; the next decides among those that are alike in it, and so on.

    Args:
        terms: Rewards that lie within 0 and 1 and are to be maximised, the most important first.
        tolerance: Width of the levels within which values of all terms but the last count as alike, up to 1.
        name: Of the whole; its column in tables.

    Raises:
        RewardError: A term is not such a reward, or the tolerance is not above 0 and at most 1.
    """
    width = checked_number("tolerance", tolerance)
    if not 0 < width <= 1:
        raise RewardError(f"The tolerance of 'lexicographic' is {width:g}.", allowed="above 0 and at most 1")
    return compose(Recipe(checked_name(name), _desirabilities("lexicographic", terms), Lexicographic(width)))


def _sum_of_floors(terms: Sequence[Reward], factors: Sequence[float]) -> float | None:
    """The worst sum there can be: no term is worse than its floor."""
    floors = [term.floor for term in terms]
    known = [floor for floor in floors if floor is not None]
    return Sum(tuple(factors))(known) if len(known) == len(floors) else None


def _desirabilities(name: str, terms: Sequence[Reward]) -> tuple[Reward, ...]:
    for term in require_terms(name, terms):
        if not is_desirability(term):
            raise RewardError(
                f"The reward {term.name!r} cannot be part of {name!r}.",
                allowed="rewards that lie within 0 and 1 and are to be maximised",
                remedy=f"window({term.name}, low, high), or sigmoid or linear",
            )
    return tuple(terms)
