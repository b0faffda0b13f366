"""A penalty for molecules in pieces."""

from __future__ import annotations

from dataclasses import dataclass

from molvm.chem.molecule import Molecule
from molvm.chem.validity import GEOMETRY, SHAPE, Check, Gate, check_elements, check_size, check_strict
from molvm.rewards.base import Direction, MoleculeReward, Outcome
from molvm.rewards.graph import GRAPH_SECONDS
from molvm.rewards.settings import checked_switch

PIECES = (
    Gate(
        (
            Check("size", "rejected", check_size),
            Check("elements", "invalid", check_elements),
            Check("valences", "invalid", check_strict),
        )
    )
    + GEOMETRY
    + SHAPE
)
"""Molecules, one or several: all that `SOUND` asks, but that they be in one piece."""


@dataclass(frozen=True)
class Fragmentation(MoleculeReward):
    """1 for a molecule in one piece, less for one in pieces. What is no molecule fails.

    Args:
        graded: Whether pieces get the largest one's share of the atoms; if not, they get 0.
    """

    graded: bool = True
    name: str = "fragmentation"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    desirability: bool = True
    cost: float = GRAPH_SECONDS

    @property
    def note(self) -> str:
        """The settings, for people."""
        return "pieces have the largest one's share" if self.graded else "pieces have 0"

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The share, with the number of pieces in the detail `fragments`, or the check that was not passed."""
        rejection = PIECES(molecule)
        if rejection is not None:
            return self.fail(molecule, rejection.kind, rejection.check, rejection.reason)
        sizes = fragment_sizes(molecule)
        value = max(sizes) / sum(sizes) if self.graded or len(sizes) == 1 else 0.0
        return self.succeed(molecule, value, {"fragments": float(len(sizes))})


def fragment_sizes(molecule: Molecule) -> list[int]:
    """The number of atoms of each piece, hydrogens included."""
    from rdkit import Chem

    return [len(atoms) for atoms in Chem.GetMolFrags(molecule.to_rdkit())]


def fragmentation(*, graded: bool = True) -> Fragmentation:
    """Atoms of the largest piece over all atoms: 1 for a whole molecule, less for one in pieces.

    Hydrogens count, so that only a whole molecule has 1. All other rewards fail for molecules in pieces; to penalise
    pieces and still score them, use this one alone or with rewards of your own.

    Args:
        graded: Whether pieces get their share; false gives them 0, as in the Value Matching paper.
    """
    return Fragmentation(checked_switch("graded", graded))
