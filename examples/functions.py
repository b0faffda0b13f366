"""Rewards from functions of an RDKit molecule, hydrogens and one conformer included.

molvm score examples/ligands.smi --reward examples/functions.py:out_of_plane --out scores.csv
molvm train --dataset qm9 --reward examples/functions.py:out_of_plane --out runs/flat
"""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import Descriptors3D

from molvm import reward


@reward(unit="Å", direction="minimise")
def out_of_plane(mol: Chem.Mol) -> float:
    """Mean distance of the atoms from the plane that fits them best; small for flat molecules."""
    return Descriptors3D.PBF(mol)


def heteroatoms(mol: Chem.Mol) -> int:
    """A plain function does as well: no unit, more is better."""
    return sum(atom.GetSymbol() not in ("C", "H") for atom in mol.GetAtoms())
