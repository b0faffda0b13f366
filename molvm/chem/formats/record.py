"""What is read of one entry of a file."""

from __future__ import annotations

from dataclasses import dataclass, field

from molvm.chem.molecule import Molecule
from molvm.errors import MoleculeError

MAX_RECORD_CHARACTERS = 1_000_000
"""A longer entry is not parsed; 250 atoms take 20 000."""

MAX_SMILES_CHARACTERS = 2_000


@dataclass(frozen=True)
class Record:
    """One entry of a molecule file: a molecule, or why there is none.

    Args:
        id: The entry's title, else its number, from 1.
        molecule: The molecule, whose own id is the same.
        reason: Why there is no molecule.
        properties: The entry's data fields.

    Raises:
        MoleculeError: There are both a molecule and a reason, or neither.
    """

    id: str
    molecule: Molecule | None = None
    reason: str | None = None
    properties: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.molecule is None) == (self.reason is None):
            raise MoleculeError(f"Record {self.id!r} must have either a molecule or a reason.")


def title_or_number(title: str, number: int) -> str:
    """The title without surrounding space, or the number when it is empty."""
    return title.strip() or str(number)
