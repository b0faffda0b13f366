"""What a molecule must be to enter a dataset of drug-like molecules, however it was made."""

from __future__ import annotations

from typing import Final

import numpy as np
from rdkit import Chem, rdBase

from molvm.chem.molecule import Molecule
from molvm.chem.validity import GEOMETRY, MAX_ATOMS
from molvm.datasets.elements import GEOM_ELEMENTS
from molvm.datasets.pack import upper_triangle
from molvm.datasets.record import Dropped, DropReason, MoleculeRecord, Verdict

CHARGES: Final = (-2, 3)
"""The least and the largest formal charge for which FlowMol has a class."""

RULE: Final = (
    f"kept: RDKit sanitises and kekulises it, one fragment, only the elements {' '.join(GEOM_ELEMENTS)}, "
    f"formal charges from {CHARGES[0]} to {CHARGES[1]}, no implicit hydrogen and no radical, at most "
    f"{MAX_ATOMS} atoms, finite positions, no bond outside 0.6 to 1.5 times its covalent radii, "
    "no two atoms closer than 0.5 angstrom"
)

_TYPE_OF: Final = {number: index for index, number in enumerate(GEOM_ELEMENTS.values())}


def kekulised(mol: Chem.Mol) -> Chem.Mol | DropReason:
    """A sanitised copy with bonds of order 1, 2 and 3 only, or why there is none.

    Args:
        mol: With its hydrogens as atoms; left as it is.
    """
    copy = Chem.Mol(mol)
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(copy)
        except (Chem.KekulizeException, Chem.AtomKekulizeException):
            return "not_kekulised"
        except (ValueError, RuntimeError):
            return "not_sanitised"
        try:
            Chem.Kekulize(copy, clearAromaticFlags=True)
        except (ValueError, RuntimeError):
            return "not_kekulised"
    return copy


def graph_fault(mol: Chem.Mol) -> DropReason | None:
    """Why a sanitised molecule's atoms and bonds keep it out, or None.

    Args:
        mol: With its hydrogens as atoms.
    """
    if not 0 < mol.GetNumAtoms() <= MAX_ATOMS:
        return "too_large" if mol.GetNumAtoms() else "unreadable"
    atoms = list(mol.GetAtoms())
    if any(atom.GetAtomicNum() not in _TYPE_OF for atom in atoms):
        return "unknown_element"
    if len(Chem.GetMolFrags(mol)) != 1:
        return "fragmented"
    if any(not CHARGES[0] <= atom.GetFormalCharge() <= CHARGES[1] for atom in atoms):
        return "charge_too_large"
    if any(atom.GetTotalNumHs() or atom.GetNumRadicalElectrons() for atom in atoms):
        return "open_valence"
    return None


def record_of(molecule: Molecule, source_index: int) -> Verdict:
    """The record of a molecule whose graph is sound, if its positions are.

    Args:
        molecule: Kekulised, elements of the map only.
        source_index: Its number in the source.
    """
    if GEOMETRY(molecule) is not None:
        return Dropped(source_index, "geometry_broken")
    positions = molecule.positions - molecule.positions.mean(axis=0)
    return MoleculeRecord(
        source_index=source_index,
        positions=positions.astype(np.float32),
        types=np.array([_TYPE_OF[number] for number in molecule.elements.tolist()], dtype=np.uint8),
        charges=np.array(molecule.formal_charges),
        bonds=upper_triangle(molecule),
    )
