"""Formal charges that bond orders imply, where all hydrogens are atoms."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from molvm.chem.molecule import Molecule
from molvm.errors import MoleculeError

VALENCES: Final = {
    **dict.fromkeys((2, 10, 18, 36, 54), (0,)),
    1: (1,),
    5: (3,),
    6: (4,),
    7: (3,),
    8: (2,),
    9: (1,),
    14: (4,),
    15: (3, 5),
    16: (2, 4, 6),
    17: (1,),
    34: (2, 4, 6),
    35: (1,),
    53: (1, 3, 5),
}
"""Valences of the uncharged atom, by atomic number; the noble gases first."""

LONE_PAIR: Final = (7, 8, 9, 15, 16, 17, 34, 35, 53)
"""One bond more than a valence means +1 for these, one less −1. Boron with four bonds is −1; carbon with three is not
decided by its valence, so it is refused, and so is silicon."""


def implied_charges(molecule: Molecule) -> NDArray[np.int8]:
    """(n,) formal charges that follow from the valences.

    Args:
        molecule: Kekulised, with explicit hydrogens; its own formal charges are not looked at.

    Raises:
        MoleculeError: An element or a valence says nothing, such as that of a carbon with three bonds.
    """
    valences = np.zeros(molecule.n_atoms, dtype=np.int64)
    np.add.at(valences, molecule.bonds.ravel(), np.repeat(molecule.orders.astype(np.int64), 2))
    pairs = zip(molecule.elements.tolist(), valences.tolist(), strict=True)
    return np.array([_charge(element, valence, molecule.id) for element, valence in pairs], dtype=np.int8)


def _charge(element: int, valence: int, id: str) -> int:
    neutral = VALENCES.get(element, ())
    if valence in neutral:
        return 0
    if element in LONE_PAIR and valence - 1 in neutral:
        return 1
    if (element in LONE_PAIR and valence + 1 in neutral) or (element, valence) == (5, 4):
        return -1
    raise MoleculeError(
        f"Nothing says which formal charge an atom of element {element} with valence {valence} has in {id!r}.",
        remedy="RDKit's perception of bonds, which counts electrons",
    )


def separated_charges(mol: Chem.Mol) -> Chem.Mol:
    """The same RDKit molecule, nitro groups and their like written with charges, not with five bonds to nitrogen."""
    with rdBase.BlockLogs():
        mol.UpdatePropertyCache(strict=False)
        Chem.SanitizeMol(mol, Chem.SanitizeFlags.SANITIZE_CLEANUP)
    return mol
