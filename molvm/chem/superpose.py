"""How far two geometries of one molecule are apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import rdMolAlign

from molvm.chem.molecule import Molecule
from molvm.chem.rdkit_bridge import to_rdkit

HYDROGEN = 1


def superposed_rmsd(molecule: Molecule, positions: NDArray[np.float64], *, hydrogens: bool = True) -> float | None:
    """Root mean square distance in Å of the atoms after the best proper rotation and translation (Kabsch).

    Atom i is compared with atom i: no permutation of equivalent atoms is searched, so a methyl group that has turned
    by a third of a circle counts as having moved. Mirror images are different.

    Args:
        molecule: One geometry; known elements, finite positions.
        positions: (n, 3) the other, Å, finite.
        hydrogens: Whether hydrogens are compared; if not, they do not take part in the superposition either.

    Returns:
        The distance; None if there is no atom to compare.

    Raises:
        MoleculeError: An atomic number is outside 1 to 118.
    """
    chosen = range(molecule.n_atoms) if hydrogens else np.flatnonzero(molecule.elements != HYDROGEN).tolist()
    if not chosen:
        return None
    probe, target = to_rdkit(molecule), to_rdkit(replace(molecule, positions=positions))
    return float(rdMolAlign.AlignMol(probe, target, atomMap=[(atom, atom) for atom in chosen]))


def superposing(molecule: Molecule, positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The proper rotation and translation that bring another geometry of a molecule onto its own best (Kabsch).

    Args:
        molecule: The geometry that stays; known elements, finite positions, at least one atom.
        positions: (n, 3) the other, Å, finite.

    Returns:
        (3, 3) rotation R and (3,) translation t in Å; R x + t is the moved place of an atom at x.

    Raises:
        MoleculeError: An atomic number is outside 1 to 118.
    """
    probe, target = to_rdkit(replace(molecule, positions=positions)), to_rdkit(molecule)
    same = [(atom, atom) for atom in range(molecule.n_atoms)]
    _, transform = rdMolAlign.GetAlignmentTransform(probe, target, atomMap=same)
    matrix = np.asarray(transform, dtype=np.float64)
    return matrix[:3, :3], matrix[:3, 3]
