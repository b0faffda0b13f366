"""What is read of one entry of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from molvm.chem.molecule import Molecule
from molvm.errors import MoleculeError

if TYPE_CHECKING:
    from rdkit import Chem

MAX_RECORD_CHARACTERS = 1_000_000
"""A longer entry is not parsed; 250 atoms take 20 000."""

MAX_SMILES_CHARACTERS = 2_000

ISOTOPES_IGNORED = "isotope labels are ignored"
"""What is noted of a record that has some: a `Molecule` has no place for them, and no reward asks for them."""


@dataclass(frozen=True)
class Record:
    """One entry of a molecule file: a molecule, or why there is none.

    Args:
        id: The entry's title, else its number, from 1.
        molecule: The molecule, whose own id is the same.
        reason: Why there is no molecule.
        properties: The entry's data fields.
        note: What the molecule has lost of the entry; empty for nothing.
        embedded: Whether its positions are ETKDG's, because the entry has none in three dimensions.

    Raises:
        MoleculeError: There are both a molecule and a reason, or neither.
    """

    id: str
    molecule: Molecule | None = None
    reason: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    note: str = ""
    embedded: bool = False

    def __post_init__(self) -> None:
        if (self.molecule is None) == (self.reason is None):
            raise MoleculeError(f"Record {self.id!r} must have either a molecule or a reason.")


def note_of(mol: Chem.Mol) -> str:
    """What a molecule cannot take over from what was read; empty for nothing."""
    return ISOTOPES_IGNORED if any(atom.GetIsotope() for atom in mol.GetAtoms()) else ""


def title_or_number(title: str, number: int) -> str:
    """The title without surrounding space, or the number when it is empty."""
    return title.strip() or str(number)
