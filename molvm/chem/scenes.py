"""What the 3D viewer is told: plain numbers and element symbols, never a text that a file or a user has written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molvm.chem.molecule import MAX_ATOMIC_NUMBER, Molecule

UNKNOWN = "X"

Scene = dict[str, Any]


def frame(molecule: Molecule, positions: NDArray[np.float64] | None = None) -> Scene:
    """Atoms and bonds of one geometry.

    Args:
        molecule: Elements and bonds.
        positions: (n, 3) Å, by default the molecule's own; what is not finite is put at the origin.
    """
    table = Chem.GetPeriodicTable()
    places = np.nan_to_num(molecule.positions if positions is None else positions, posinf=0.0, neginf=0.0)
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
    """One molecule, its relaxed geometry over it, its dipole as an arrow.

    Args:
        molecule: As generated.
        relaxed: (n, 3) Å, superposed on it.
        dipole: (3,) in debye; the arrow points from negative to positive charge, 0.6 Å a debye, up to 5 Å.
        height: Of the picture, pixels.
    """
    scene: Scene = {"frames": [frame(molecule)], "height": height}
    if relaxed is not None:
        scene["overlay"] = frame(molecule, relaxed)
    if dipole is not None and (length := float(np.linalg.norm(dipole))) > 0:
        middle = np.nan_to_num(molecule.positions).mean(axis=0)
        half = dipole / length * min(5.0, 0.6 * length) / 2
        scene["arrow"] = [[_short(x) for x in middle - half], [_short(x) for x in middle + half]]
    return scene


def film(
    frames: Sequence[Molecule], times: Sequence[float], values: Sequence[float] | None, height: int = 460
) -> Scene:
    """A path from noise to a molecule, played.

    Args:
        frames: One a time.
        times: From 0 to 1.
        values: V at these times, drawn below; None for a base model.
        height: Of the picture, pixels.
    """
    scene: Scene = {
        "frames": [frame(molecule) for molecule in frames],
        "times": [_short(time) for time in times],
        "height": height,
    }
    if values is not None:
        scene["values"] = [_short(value) for value in values]
    return scene


def _short(number: float) -> float:
    return round(float(number), 4)
