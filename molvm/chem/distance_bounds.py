"""Whether distances are those of a bond graph, by RDKit's bounds for distance geometry.

Bonds alone do not say so: in a benzene with a hydrogen inside its ring, or in a carboxyl group whose two oxygens have
met, every bond is as long as it should be, and a force field that took the second for a dioxirane is at a minimum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from molvm.chem.engines.base import Array
from molvm.chem.molecule import Molecule

if TYPE_CHECKING:
    from rdkit import Chem

NEAR_TOLERANCE = 0.28
"""How far bonds and distances across an angle may lie beyond their bounds, as a share of these. At GFN-FF minima they
are within 0.13 and 0.25 in 1 116 molecules of QM9, 0.06 and 0.10 in drugs, and 0.23 in phosphine."""

FAR_TOLERANCE = 0.4
"""How far all other distances may lie below theirs; within 0.31 in the same molecules and in bicyclo[1.1.1]pentane."""


def contradicted_bounds(molecule: Molecule, positions: Array) -> str | None:
    """The first distance that no such molecule has, or None.

    Args:
        molecule: The bond graph.
        positions: (n, 3) positions in Å, for instance after a relaxation.

    Returns:
        A sentence; None also where the graph is one that RDKit cannot sanitise.
    """
    from rdkit import Chem

    from molvm.chem.rdkit_bridge import sanitised

    mol = sanitised(molecule)
    if isinstance(mol, str) or molecule.n_atoms < 2:
        return None
    lower, upper = _bounds(mol)
    first, second = np.triu_indices(molecule.n_atoms, k=1)
    distances = np.linalg.norm(positions[first] - positions[second], axis=1)
    shortest, longest = lower[first, second], upper[first, second]
    bonds_between = Chem.GetDistanceMatrix(mol)[first, second]
    near = bonds_between <= 2
    too_short = distances < shortest * (1.0 - np.where(near, NEAR_TOLERANCE, FAR_TOLERANCE))
    too_long = near & (distances > longest * (1.0 + NEAR_TOLERANCE))
    wrong = np.flatnonzero(too_short | too_long)
    if not len(wrong):
        return None
    worst = wrong[0]
    return (
        f"atoms {first[worst]} and {second[worst]}, {bonds_between[worst]:.0f} bonds apart, are at "
        f"{distances[worst]:.2f} Å, and not at {shortest[worst]:.2f} to {longest[worst]:.2f}"
    )


def _bounds(mol: Chem.Mol) -> tuple[Array, Array]:
    """The shortest and longest distances, both (n, n) and symmetric, in Å."""
    from rdkit import rdBase
    from rdkit.Chem.rdDistGeom import GetMoleculeBoundsMatrix

    with rdBase.BlockLogs():
        bounds = GetMoleculeBoundsMatrix(mol, set15bounds=False, scaleVDW=False, doTriangleSmoothing=False)
    lower, upper = np.tril(bounds, -1), np.triu(bounds, 1)
    return lower + lower.T, upper + upper.T
