"""Substructures that are wanted or not, written as SMARTS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from molvm.errors import RewardError
from molvm.rewards.base import Direction
from molvm.rewards.graph import GraphReward
from molvm.rewards.settings import checked_switch, checked_text

if TYPE_CHECKING:
    from rdkit import Chem

MAX_MATCHES = 10_000
"""How many matches are counted, at most."""


@dataclass(frozen=True)
class Substructure(GraphReward):
    """Whether, or how often, a pattern is in strictly valid molecules in one piece.

    Args:
        smarts: The pattern.
        wanted: Whether it is good to have.
        count: Whether it is counted, or only looked for.
        name: Of the reward.
        unit: None.
        direction: Which way is better.
        floor: What a failure is worth; None leaves it to the objective.
        desirability: Whether the values are 0 and 1, 1 the better.
    """

    smarts: str
    wanted: bool = True
    count: bool = False
    name: str = "substructure"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    desirability: bool = True

    @property
    def note(self) -> str:
        """The settings, for people."""
        return f"{self.smarts} {'wanted' if self.wanted else 'not wanted'}{', counted' if self.count else ''}"

    def measure(self, graph: Chem.Mol) -> float:
        """The number of matches, or 1 where it is as wanted and 0 where it is not."""
        pattern = _pattern(self.smarts)
        if self.count:
            return len(graph.GetSubstructMatches(pattern, uniquify=True, maxMatches=MAX_MATCHES))
        return float(graph.HasSubstructMatch(pattern) == self.wanted)


def substructure(smarts: str, *, wanted: bool = True, count: bool = False) -> Substructure:
    """Whether a SMARTS pattern is there: 1 if it is as wanted, else 0; or how often.

    The hydrogens are no atoms of the graph that is searched: write `[NX3;H2]` and not `[H]N[H]`. Stereochemistry
    is not looked at.

    Args:
        smarts: The pattern, quoted.
        wanted: Whether it is good to have; false wants it absent.
        count: Whether to give the number of matches, more the better if wanted, else less the better.

    Raises:
        RewardError: The pattern cannot be read.
    """
    _pattern(checked_text("smarts", smarts))
    if not checked_switch("count", count):
        return Substructure(smarts, checked_switch("wanted", wanted))
    direction: Direction = "maximise" if checked_switch("wanted", wanted) else "minimise"
    return Substructure(
        smarts, wanted, count=True, direction=direction, floor=0.0 if wanted else None, desirability=False
    )


@lru_cache(maxsize=64)
def _pattern(smarts: str) -> Chem.Mol:
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        pattern = Chem.MolFromSmarts(smarts)
    if pattern is None or not pattern.GetNumAtoms():
        raise RewardError(f"RDKit cannot read the SMARTS {smarts!r}.", remedy="the pattern in quotes, as in '[NX3;H2]'")
    return pattern
