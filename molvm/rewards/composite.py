"""Rewards made of rewards: every term is asked, the cheapest first, and a formula makes one value of theirs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards.base import Direction, Failure, Outcome, Reward, SampleReward, checked_outcomes
from molvm.rewards.subjects import common_subject

ROUNDING = 1e-9
"""By how much a desirability may leave 0 to 1."""


class Formula(Protocol):
    """Makes one value of the values of the terms, in their order."""

    def __call__(self, values: Sequence[float]) -> float:
        """The value."""

    @property
    def note(self) -> str:
        """The settings, for people; empty if there are none."""


@dataclass(frozen=True)
class Recipe:
    """What a reward of rewards is.

    Args:
        name: Of the reward.
        terms: What it is made of.
        formula: How.
        unit: Of its values.
        direction: Which way is better.
        floor: What a failure is worth; None leaves it to the objective.
        desirability: Whether every value lies within 0 and 1 and more is better.
        layer: 0 for what can be a term of any reward; what a run has to see to is a term of higher layers only.
    """

    name: str
    terms: tuple[Reward, ...]
    formula: Formula
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    desirability: bool = True
    layer: int = 0


class Composite(SampleReward):
    """A reward of rewards that look at one molecule at a time, so that one worker asks them all."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.terms, self.note = recipe.terms, recipe.formula.note
        self.name, self.unit = recipe.name, recipe.unit
        self.direction, self.floor, self.desirability = recipe.direction, recipe.floor, recipe.desirability
        self.judges = common_subject(recipe.name, recipe.terms)
        self.cost = sum(cost_of(term) for term in recipe.terms)
        self.worth_keeping = any(isinstance(term, SampleReward) and term.worth_keeping for term in recipe.terms)

    @property
    def cached_as(self) -> str | None:
        """What decides the terms, and how they are combined; None if one may come out otherwise."""
        settled = [term.cached_as for term in self.terms if isinstance(term, SampleReward)]
        recipe = self.recipe
        how = repr((recipe.name, recipe.formula, recipe.unit, recipe.direction))
        return None if None in settled else repr((how, settled))

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The value with every term's in the details, or the failure of the first term that failed."""
        return joint_outcomes(self.recipe, [molecule])[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Composite) and self.recipe == other.recipe

    def __hash__(self) -> int:
        return hash(self.recipe)


class BatchComposite:
    """A reward of rewards of which one is asked for whole batches; each knows itself where it is computed.

    Its terms that look at one molecule at a time are computed in this process; `molvm.rewards.isolated` around a term
    sends it to workers.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.terms, self.note = recipe.terms, recipe.formula.note
        self.name, self.unit = recipe.name, recipe.unit
        self.direction: Direction = recipe.direction
        self.floor, self.desirability = recipe.floor, recipe.desirability
        self.judges = common_subject(recipe.name, recipe.terms)

    def __call__(self, molecules: Sequence[Molecule]) -> list[Outcome]:
        """Outcomes of the molecules, one each, in order."""
        return checked_outcomes(self.name, molecules, joint_outcomes(self.recipe, molecules))


def compose(recipe: Recipe) -> Reward:
    """The reward: a `SampleReward` if all its terms are."""
    if all(isinstance(term, SampleReward) for term in recipe.terms):
        return Composite(recipe)
    return BatchComposite(recipe)


def cost_of(reward: Reward) -> float:
    """Rough seconds a molecule; one that does not say comes last."""
    return reward.cost if isinstance(reward, SampleReward) else math.inf


def is_desirability(reward: Reward) -> bool:
    """Whether it declares that its values lie within 0 and 1 and more is better."""
    return bool(getattr(reward, "desirability", False))


def unique_names(terms: Sequence[Reward]) -> list[str]:
    """The names of the terms; the second of one name gets a 2 behind it, and so on."""
    names: list[str] = []
    for term in terms:
        name, number = term.name, 1
        while name in names:
            number += 1
            name = f"{term.name} {number}"
        names.append(name)
    return names


def joint_outcomes(recipe: Recipe, molecules: Sequence[Molecule]) -> list[Outcome]:
    """One outcome a molecule. A molecule that fails a term is not shown to the dearer ones."""
    found: list[dict[int, Outcome]] = [{} for _ in molecules]
    alive = list(range(len(molecules)))
    for position in sorted(range(len(recipe.terms)), key=lambda each: cost_of(recipe.terms[each])):
        for index, outcome in zip(alive, _asked(recipe.terms[position], [molecules[i] for i in alive]), strict=True):
            found[index][position] = outcome
        alive = [index for index in alive if found[index][position].ok]
    return [_joined(recipe, molecule, found[index]) for index, molecule in enumerate(molecules)]


def _asked(term: Reward, molecules: list[Molecule]) -> list[Outcome]:
    if not molecules:
        return []
    outcomes = checked_outcomes(term.name, molecules, term(molecules))
    return [_within_bounds(term, outcome) for outcome in outcomes] if is_desirability(term) else outcomes


def _within_bounds(term: Reward, outcome: Outcome) -> Outcome:
    if outcome.value is None or -ROUNDING <= outcome.value <= 1 + ROUNDING:
        return outcome
    reason = f"the value {outcome.value:g} is not within 0 and 1, as the reward says of itself"
    return replace(outcome, value=None, failure=Failure("reward_error", term.name, reason))


def _joined(recipe: Recipe, molecule: Molecule, found: dict[int, Outcome]) -> Outcome:
    seconds = sum(outcome.seconds for outcome in found.values())
    for outcome in found.values():
        if outcome.failure is not None:
            return Outcome(molecule.id, None, recipe.unit, outcome.details, outcome.failure, seconds)
    outcomes = [found[position] for position in range(len(recipe.terms))]
    value = recipe.formula([outcome.value for outcome in outcomes if outcome.value is not None])
    if not math.isfinite(value):
        failure = Failure("failed", recipe.name, f"the terms combine to {value}")
        return Outcome(molecule.id, None, recipe.unit, failure=failure, seconds=seconds)
    positions = next((each.positions for each in outcomes if each.positions is not None), None)
    return Outcome(molecule.id, value, recipe.unit, _details(recipe, outcomes), None, seconds, positions)


def _details(recipe: Recipe, outcomes: Sequence[Outcome]) -> dict[str, float | str]:
    """The value of every term under its name, and its own details behind a dot."""
    details: dict[str, float | str] = {}
    for name, outcome in zip(unique_names(recipe.terms), outcomes, strict=True):
        if outcome.value is not None:
            details[name] = outcome.value
        details.update({f"{name}.{key}": value for key, value in outcome.details.items()})
    return details


def require_terms(name: str, terms: Sequence[Reward], layer: int = 0) -> tuple[Reward, ...]:
    """The terms, if there are any and all are rewards.

    Args:
        name: Of the reward that they are to be terms of.
        terms: What was given.
        layer: Of that reward.

    Raises:
        RewardError: There are none, one is no reward, or one cannot be a term.
    """
    if not terms:
        raise RewardError(f"The reward {name!r} is made of nothing.", allowed="at least one reward")
    for term in terms:
        if not isinstance(term, Reward):
            raise RewardError(
                f"{term!r:.60} in the reward {name!r} is no reward.", remedy="a reward such as molvm.rewards.qed()"
            )
        if isinstance(term, Composite | BatchComposite) and 0 < term.recipe.layer >= layer:
            raise RewardError(
                f"A reward with what a run has to see to ({term.note}) cannot be part of {name!r}.",
                remedy=f"{name} inside; `constrained` around it, and `diverse` around that",
            )
    return tuple(terms)
