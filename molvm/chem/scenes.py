"""What the 3D viewer is told: plain numbers and element symbols, never a text that a file or a user has written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molvm.chem.molecule import MAX_ATOMIC_NUMBER, Molecule

UNKNOWN = "X"

ANGSTROM_PER_DEBYE: Final = 1.0
"""How long the arrow of a dipole is."""

CLEARANCE: Final = 1.6
"""Å between the outermost atom and the arrow."""

Scene = dict[str, Any]


def frame(molecule: Molecule, positions: NDArray[np.float64] | None = None) -> Scene:
    """Atoms and bonds of one geometry.

    Args:
        molecule: Elements and bonds.
        positions: (n, 3) Å, by default the molecule's own; what is not finite is put at the origin.
    """
    table = Chem.GetPeriodicTable()
    places = _finite(molecule.positions if positions is None else positions)
    symbols = [
        table.GetElementSymbol(number) if 0 < number <= MAX_ATOMIC_NUMBER else UNKNOWN
        for number in molecule.elements.tolist()
    ]
    bonds = np.column_stack([molecule.bonds, molecule.orders]).tolist() if len(molecule.bonds) else []
    return {"atoms": [[s, *map(_short, xyz)] for s, xyz in zip(symbols, places.tolist(), strict=True)], "bonds": bonds}


def still(
    molecule: Molecule,
    relaxed: NDArray[np.float64] | None = None,
    dipole: NDArray[np.float64] | None = None,
    height: int = 460,
) -> Scene:
    """One molecule, its relaxed geometry over it, its dipole as an arrow, all turned as `axes` says.

    Args:
        molecule: As generated.
        relaxed: (n, 3) Å, superposed on it.
        dipole: (3,) in debye; the arrow points from negative to positive charge, `ANGSTROM_PER_DEBYE` long a debye,
            and stands beside the molecule, within which atoms would hide it.
        height: Of the picture, pixels.
    """
    seen = axes(molecule, dipole).T
    scene: Scene = {"frames": [frame(molecule, _finite(molecule.positions) @ seen)], "height": height}
    if relaxed is not None:
        scene["overlay"] = frame(molecule, _finite(relaxed) @ seen)
    if dipole is not None and np.linalg.norm(dipole) > 0:
        scene["arrow"] = [[_short(x) for x in end @ seen] for end in beside(molecule, dipole)]
        scene["debye"] = _short(float(np.linalg.norm(dipole)))
    return scene


def beside(molecule: Molecule, dipole: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where an arrow for a dipole begins and ends: parallel to it, clear of the molecule, in the plane that is seen.

    Args:
        molecule: Beside which it stands.
        dipole: (3,) in debye, not zero.

    Returns:
        (3,) and (3,) Å.
    """
    _, side, _ = axes(molecule, dipole)
    places = _finite(molecule.positions)
    middle = places.mean(axis=0)
    reach = (places - middle) @ side
    away = reach.max() + CLEARANCE if reach.max() <= -reach.min() else reach.min() - CLEARANCE
    half = dipole * ANGSTROM_PER_DEBYE / 2
    return middle + away * side - half, middle + away * side + half


def axes(molecule: Molecule, along: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """(3, 3) Å, orthonormal: what lies to the right, upwards and towards the viewer when a molecule is looked at.

    It is seen from where it is broadest, as far as `along`, if given and not zero, lies to the right.
    """
    places = _finite(molecule.positions)
    spread = np.cov(places.T, bias=True) if molecule.n_atoms else np.zeros((3, 3))
    if along is None or not np.linalg.norm(along) > 0:
        right, up = np.linalg.eigh(spread)[1].T[[2, 1]]
    else:
        right = along / np.linalg.norm(along)
        across = np.eye(3) - np.outer(right, right)
        up = np.linalg.eigh(across @ spread @ across + across)[1].T[2]
    return np.array([right, up, np.cross(right, up)])


def film(
    frames: Sequence[Molecule], times: Sequence[float], values: Sequence[float] | None, height: int = 460
) -> Scene:
    """A path from noise to a molecule, played, turned as `axes` says of the molecule.

    Args:
        frames: One a time.
        times: From 0 to 1.
        values: V at these times, drawn below; None for a base model.
        height: Of the picture, pixels.
    """
    seen = axes(frames[-1]).T
    scene: Scene = {
        "frames": [frame(molecule, _finite(molecule.positions) @ seen) for molecule in frames],
        "times": [_short(time) for time in times],
        "height": height,
    }
    if values is not None:
        scene["values"] = [_short(value) for value in values]
    return scene


def _finite(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The positions, the origin for what is not finite."""
    return np.nan_to_num(positions, posinf=0.0, neginf=0.0)


def _short(number: float) -> float:
    return round(float(number), 4)
