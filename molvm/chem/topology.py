"""Bond graphs from distances: lengths in units of covalent radii, and whether a geometry still shows its bonds."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from molvm.chem.molecule import MAX_ATOMIC_NUMBER, Molecule

BROKEN_BOND = 1.3
"""A bond longer than this many times the sum of its covalent radii is broken (RDKit and Open Babel connect
atoms up to the sum plus 0.45 Å, which for a C-C bond is the same 1.3)."""

NEW_BOND = 1.15
"""Two atoms that are not bonded but closer than this many times the sum of their covalent radii, have bonded.
Below `BROKEN_BOND`, so that a strained but unchanged molecule lies between the two."""


@lru_cache(maxsize=1)
def covalent_radii() -> NDArray[np.float64]:
    """(119,) covalent radii in Å by atomic number, from RDKit's periodic table; entry 0 is 0."""
    from rdkit import Chem

    table = Chem.GetPeriodicTable()
    radii = np.array([0.0, *(table.GetRcovalent(z) for z in range(1, MAX_ATOMIC_NUMBER + 1))])
    radii.setflags(write=False)
    return radii


def relative_bond_lengths(molecule: Molecule, positions: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """(m,) lengths of the bonds in units of the sum of their covalent radii.

    Args:
        molecule: Whose bonds to measure; known elements only.
        positions: (n, 3) positions in Å to use in place of the molecule's own.
    """
    where = molecule.positions if positions is None else positions
    first, second = molecule.bonds[:, 0], molecule.bonds[:, 1]
    radii = covalent_radii()[molecule.elements]
    lengths: NDArray[np.float64] = np.linalg.norm(where[first] - where[second], axis=1) / (radii[first] + radii[second])
    return lengths


def changed_bonds(molecule: Molecule, positions: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs of atoms whose distance contradicts the molecule's bond graph.

    Args:
        molecule: The bond graph and the elements.
        positions: (n, 3) positions in Å, for instance after a relaxation.

    Returns:
        Bonds longer than `BROKEN_BOND` and other pairs shorter than `NEW_BOND`, i < j; empty when nothing changed.
    """
    radii = covalent_radii()[molecule.elements]
    gaps = positions[:, None, :] - positions[None, :, :]
    ratio = np.sqrt(np.einsum("ijk,ijk->ij", gaps, gaps)) / (radii[:, None] + radii[None, :])
    bonded = np.zeros((molecule.n_atoms, molecule.n_atoms), dtype=bool)
    bonded[molecule.bonds[:, 0], molecule.bonds[:, 1]] = True
    wrong = np.where(bonded, ratio > BROKEN_BOND, ratio < NEW_BOND)
    # Written so that a distance that is not a number counts as a change.
    wrong |= ~np.isfinite(ratio)
    first, second = np.nonzero(np.triu(wrong, k=1))
    return list(zip(first.tolist(), second.tolist(), strict=True))
