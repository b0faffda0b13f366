"""A reward that a run pays only so often for one scaffold, so that it does not find the same molecule for ever.

The reward itself remembers nothing, so that `molvm score` says the same each time; the run does
(`molvm.training.scaffold_memory`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from molvm.errors import RewardError
from molvm.rewards.base import Reward
from molvm.rewards.composite import BatchComposite, Composite, Recipe, compose, require_terms
from molvm.rewards.settings import checked_number, checked_switch

LAYER = 2
"""Above `constrained`."""


@dataclass(frozen=True)
class PerScaffold:
    """The value itself; how often a run pays it.

    Args:
        count: Molecules of one scaffold that are paid.
        minimum: Value that a molecule must reach to be counted, in the reward's own unit; None counts all.
        generic: Whether scaffolds that differ in elements and bond orders alone are one.
    """

    count: int
    minimum: float | None
    generic: bool

    def __call__(self, values: Sequence[float]) -> float:
        """The only value."""
        return values[0]

    @property
    def note(self) -> str:
        """The settings."""
        which = "generic scaffold" if self.generic else "scaffold"
        counted = "" if self.minimum is None else f", counted from {self.minimum:g} on"
        return f"paid {self.count} times a {which} in a run{counted}"


def diverse(reward: Reward, per_scaffold: int = 25, minimum: float | None = None, generic: bool = False) -> Reward:
    """A reward that training pays for so many molecules of one Bemis–Murcko scaffold; further ones count as failures.

    The memory of Blaschke et al., J. Cheminform. 2020, 12, 68. A molecule without rings is its own scaffold. Outside of
    training the value is the reward's.

    Args:
        reward: What is paid; `constrained` if there are bounds.
        per_scaffold: Molecules of one scaffold that are paid.
        minimum: Value that a molecule must reach to be counted, in the reward's unit; by default all are.
        generic: Whether scaffolds that differ in elements and bond orders alone are one.

    Raises:
        RewardError: A setting is not of its kind.
    """
    if isinstance(per_scaffold, bool) or not isinstance(per_scaffold, int) or per_scaffold < 1:
        raise RewardError(f"'diverse' got per_scaffold = {per_scaffold!r}.", allowed="a whole number from 1")
    least = None if minimum is None else checked_number("minimum", minimum)
    formula = PerScaffold(per_scaffold, least, checked_switch("generic", generic))
    terms = require_terms("diverse", (reward,), LAYER)
    recipe = Recipe(
        reward.name, terms, formula, reward.unit, reward.direction, reward.floor, desirability=False, layer=LAYER
    )
    return compose(recipe)


def diversity_of(reward: Reward) -> PerScaffold | None:
    """How often a run with this reward pays for one scaffold; None if always."""
    if not isinstance(reward, Composite | BatchComposite):
        return None
    formula = reward.recipe.formula
    return formula if isinstance(formula, PerScaffold) else None
