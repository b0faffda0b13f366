"""QED, the quantitative estimate of drug-likeness (Bickerton et al., Nature Chemistry 2012, 4, 90)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from molvm.rewards.base import Direction
from molvm.rewards.graph import GraphReward

if TYPE_CHECKING:
    from rdkit import Chem


@dataclass(frozen=True)
class QED(GraphReward):
    """RDKit's QED with its mean weights, of strictly valid molecules in one piece; 0 to 1, more is better."""

    name: str = "qed"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    desirability: bool = True

    def measure(self, graph: Chem.Mol) -> float:
        """The QED."""
        from rdkit.Chem import QED as RDKIT_QED

        return float(RDKIT_QED.qed(graph))  # type: ignore[no-untyped-call]


def qed() -> QED:
    """Quantitative estimate of drug-likeness, 0 to 1 (Bickerton et al. 2012)."""
    return QED()
