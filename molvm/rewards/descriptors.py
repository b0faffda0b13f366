"""Descriptors of the bond graph: partition, polarity, size, synthetic accessibility, the rule of five, counts.

A quantity that cannot be negative counts a failure as 0 where more is better. Where less is better nothing bounds it,
and the run takes the worst value of its base batch; 0 would outrank every molecule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from molvm.rewards.base import Direction
from molvm.rewards.graph import GraphReward
from molvm.rewards.settings import checked_direction

if TYPE_CHECKING:
    from rdkit import Chem

LARGEST_SA_SCORE = 10.0


@dataclass(frozen=True)
class Descriptor(GraphReward):
    """One of `molvm.chem.descriptors.DESCRIPTORS`, of strictly valid molecules in one piece.

    Args:
        name: Which one.
        unit: Of its values.
        direction: Which way is better.
        floor: What a failure is worth; None leaves it to the objective.
        desirability: Whether it lies within 0 and 1 and more is better.
    """

    name: str
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = None
    desirability: bool = False

    def measure(self, graph: Chem.Mol) -> float:
        """The descriptor."""
        from molvm.chem.descriptors import DESCRIPTORS

        return DESCRIPTORS[self.name](graph)


def _from_zero(name: str, direction: Direction, unit: str = "") -> Descriptor:
    """A descriptor that cannot be negative."""
    direction = checked_direction(direction)
    return Descriptor(name, unit, direction, floor=0.0 if direction == "maximise" else None)


def logp(*, direction: Direction = "maximise") -> Descriptor:
    """Octanol-water log P by Wildman and Crippen (1999), no unit; usual drugs have 0 to 5.

    Args:
        direction: Whether more or less is better; for a range, wrap it in `window`.
    """
    return Descriptor("logp", direction=checked_direction(direction))


def tpsa(*, direction: Direction = "maximise") -> Descriptor:
    """Topological polar surface area in Å² (Ertl et al. 2000).

    Args:
        direction: Whether more or less is better; for a range, wrap it in `window`.
    """
    return _from_zero("tpsa", direction, "Å²")


def sa() -> Descriptor:
    """Synthetic accessibility, 1 easy to 10 hard (Ertl and Schuffenhauer 2009); less is better."""
    return Descriptor("sa", direction="minimise", floor=LARGEST_SA_SCORE)


def mw(*, direction: Direction = "maximise") -> Descriptor:
    """Molecular weight in g/mol, of natural isotopes: molecules carry no isotope labels.

    Args:
        direction: Whether more or less is better; for a range, wrap it in `window`.
    """
    return _from_zero("mw", direction, "g/mol")


def lipinski() -> Descriptor:
    """Share of the four rules of five that hold, 0 to 1 (Lipinski et al. 1997)."""
    return Descriptor("lipinski", floor=0.0, desirability=True)


def rings(*, direction: Direction = "maximise") -> Descriptor:
    """Number of rings (of the smallest set of smallest rings).

    Args:
        direction: Whether more or less is better.
    """
    return _from_zero("rings", direction)


def aromatic_rings(*, direction: Direction = "maximise") -> Descriptor:
    """Number of aromatic rings.

    Args:
        direction: Whether more or less is better.
    """
    return _from_zero("aromatic_rings", direction)


def rotatable_bonds(*, direction: Direction = "maximise") -> Descriptor:
    """Number of rotatable bonds, by RDKit's strict definition (no amides, no rings).

    Args:
        direction: Whether more or less is better.
    """
    return _from_zero("rotatable_bonds", direction)


def heavy_atoms(*, direction: Direction = "maximise") -> Descriptor:
    """Number of atoms that are not hydrogen.

    Args:
        direction: Whether more or less is better.
    """
    return _from_zero("heavy_atoms", direction)


def hbond_donors(*, direction: Direction = "maximise") -> Descriptor:
    """Number of hydrogen-bond donors, by RDKit's patterns.

    Args:
        direction: Whether more or less is better.
    """
    return _from_zero("hbond_donors", direction)


def hbond_acceptors(*, direction: Direction = "maximise") -> Descriptor:
    """Number of hydrogen-bond acceptors, by RDKit's patterns.

    Args:
        direction: Whether more or less is better.
    """
    return _from_zero("hbond_acceptors", direction)
