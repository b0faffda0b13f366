"""Whether it is a molecule at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from molvm.rewards.base import Direction
from molvm.rewards.graph import GraphReward

if TYPE_CHECKING:
    from rdkit import Chem


@dataclass(frozen=True)
class Validity(GraphReward):
    """1 for every strictly valid molecule in one piece with the positions of a molecule; all others fail."""

    name: str = "validity"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    desirability: bool = True

    def measure(self, graph: Chem.Mol) -> float:  # noqa: ARG002 - whoever comes this far is valid
        """1."""
        return 1.0


def validity() -> Validity:
    """1 for sound molecules, strictly valid and in one piece; a failure for all others."""
    return Validity()
