"""Whether distances are those of a bond graph, by RDKit's bounds for distance geometry.

Bonds alone do not say so: in a benzene with a hydrogen inside its ring, or in a carboxyl group whose two oxygens have
met, every bond is as long as it should be, and a force field that took the second for a dioxirane is at a minimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from molvm.chem.engines.base import Array
from molvm.chem.internal_coordinates import Indices, cosines
from molvm.chem.molecule import Molecule

if TYPE_CHECKING:
    from rdkit import Chem

BOND_TOLERANCE = 0.18
"""How far a bond may lie beyond its bounds, as a share of them. Minima of GFN-FF are within 0.13 in 1 116 molecules of
QM9 and 0.06 in drugs, samples of the bundled base within 0.11 before any relaxation."""

EMBEDDED_BOND_TOLERANCE = 0.3
"""The same before a relaxation: ETKDG leaves single bonds to hydrogens a quarter too long."""

SHORT_ANGLE_TOLERANCE = 0.24
"""How far two atoms with one between them may be below theirs. Likewise 0.14, 0.10 and 0.15; 0.23 in phosphine."""

LONG_ANGLE_TOLERANCE = 0.28
"""How far they may be above. Likewise 0.25, 0.09 and 0.22."""

FAR_TOLERANCE = 0.4
"""How far all other distances may lie below theirs; likewise 0.30, 0.29 and 0.31."""

SHARPEST_AT_SP = 150.0
"""Degrees. Outside rings an atom with a triple bond or two double bonds is straight."""


def contradicted_bounds(molecule: Molecule, positions: Array, bond_tolerance: float = BOND_TOLERANCE) -> str | None:
    """The first distance or angle that no such molecule has, or None.

    Args:
        molecule: The bond graph.
        positions: (n, 3) positions in Å, for instance after a relaxation.
        bond_tolerance: For bonds, as a share of their bounds.

    Returns:
        A phrase; None also where the graph is one that RDKit cannot sanitise.
    """
    bounds = _bounds(molecule)
    if bounds is None or molecule.n_atoms < 2:
        return None
    return _wrong_distance(bounds, positions, bond_tolerance) or _bent_at_sp(bounds.straight, positions)


@dataclass(frozen=True, eq=False)
class _Bounds:
    """What a bond graph allows: n atoms, distances (n, n) in Å.

    Args:
        lower: The shortest.
        upper: The longest.
        apart: Numbers of bonds between.
        straight: (k, 3), the middle atom in the middle.
    """

    lower: Array
    upper: Array
    apart: Array
    straight: Indices


@lru_cache(maxsize=1)
def _bounds(molecule: Molecule) -> _Bounds | None:
    """The last ones are kept: a molecule is looked at before its relaxation and after it."""
    from rdkit import Chem, rdBase
    from rdkit.Chem.rdDistGeom import GetMoleculeBoundsMatrix

    from molvm.chem.rdkit_bridge import sanitised

    mol = sanitised(molecule)
    if isinstance(mol, str):
        return None
    with rdBase.BlockLogs():
        bounds = GetMoleculeBoundsMatrix(mol, set15bounds=False, scaleVDW=False, doTriangleSmoothing=False)
    lower, upper = np.tril(bounds, -1), np.triu(bounds, 1)
    return _Bounds(lower + lower.T, upper + upper.T, Chem.GetDistanceMatrix(mol), _straight(mol))


def _straight(mol: Chem.Mol) -> Indices:
    """Outside rings, the sp atoms between their two neighbours."""
    from rdkit.Chem import HybridizationType

    found = []
    for atom in mol.GetAtoms():
        around = [neighbour.GetIdx() for neighbour in atom.GetNeighbors()]
        if atom.GetHybridization() == HybridizationType.SP and len(around) == 2 and not atom.IsInRing():
            found.append([around[0], atom.GetIdx(), around[1]])
    return np.array(found, dtype=np.intp).reshape(-1, 3)


def _wrong_distance(bounds: _Bounds, positions: Array, bond_tolerance: float) -> str | None:
    first, second = np.triu_indices(len(positions), k=1)
    distances = np.linalg.norm(positions[first] - positions[second], axis=1)
    shortest, longest, apart = (each[first, second] for each in (bounds.lower, bounds.upper, bounds.apart))
    bonded, across = apart == 1, apart == 2
    short = np.select([bonded, across], [bond_tolerance, SHORT_ANGLE_TOLERANCE], FAR_TOLERANCE)
    long = np.select([bonded, across], [bond_tolerance, LONG_ANGLE_TOLERANCE], np.inf)
    wrong = np.flatnonzero((distances < shortest * (1.0 - short)) | (distances > longest * (1.0 + long)))
    if not len(wrong):
        return None
    at = wrong[0]
    return (
        f"atoms {first[at]} and {second[at]}, {apart[at]:.0f} bonds apart, are at {distances[at]:.2f} Å, "
        f"and not at {shortest[at]:.2f} to {longest[at]:.2f}"
    )


def _bent_at_sp(straight: Indices, positions: Array) -> str | None:
    angles = np.degrees(np.arccos(np.clip(cosines(positions, straight), -1.0, 1.0)))
    for atoms, angle in zip(straight.tolist(), angles.tolist(), strict=True):
        if angle < SHARPEST_AT_SP:
            return f"the angle {atoms[0]}-{atoms[1]}-{atoms[2]} has {angle:.0f} degrees, and should be straight"
    return None
