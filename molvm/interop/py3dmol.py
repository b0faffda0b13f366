"""A molecule as a py3Dmol view, to be styled further in a notebook. It needs the extra `notebooks`.

py3Dmol would load 3Dmol.js from a content delivery network; here it is given the one that comes with molvm, so that
nothing is asked of the network. Molecules show themselves without py3Dmol; this is for those who want its methods.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molvm.chem.formats.sdf import sdf_text
from molvm.chem.molecule import SINGLE, Molecule, require_molecule
from molvm.chem.rdkit_bridge import sanitised
from molvm.chem.scenes import beside
from molvm.chem.viewing import scripts
from molvm.errors import MissingDependencyError

if TYPE_CHECKING:
    import py3Dmol

RELAXED = "#d9822b"
DIPOLE = "#7b3fa0"
"""Colours, those of the studio."""


def to_py3dmol(
    molecule: Molecule,
    relaxed: NDArray[np.float64] | None = None,
    dipole: NDArray[np.float64] | None = None,
    *,
    width: int = 520,
    height: int = 380,
) -> py3Dmol.view:
    """A view of a molecule, as sticks and balls; half a megabyte of HTML that needs no network.

    Names and properties are left out: py3Dmol would put them into a script as they are.

    Args:
        molecule: What is shown; positions that are not finite are put at the origin.
        relaxed: (n, 3) Å, drawn over it in orange.
        dipole: (3,) in debye, an arrow from negative to positive charge beside the molecule, 1 Å a debye.
        width: Pixels.
        height: Pixels.

    Raises:
        MissingDependencyError: py3Dmol is not installed.
        MoleculeError: It is no `Molecule`, or an atomic number is outside 1 to 118.
    """
    require_molecule(molecule, "to_py3dmol")
    try:
        import py3Dmol
    except ImportError as error:
        raise MissingDependencyError("py3Dmol", "notebooks", "A py3Dmol view") from error
    view = py3Dmol.view(width=width, height=height, js=_script())
    _add(view, molecule, {"stick": {"radius": 0.12}, "sphere": {"scale": 0.24}})
    if relaxed is not None:
        _add(view, replace(molecule, positions=relaxed), {"stick": {"radius": 0.07, "color": RELAXED}})
    if dipole is not None and np.linalg.norm(dipole) > 0:
        start, end = (dict(zip("xyz", point.tolist(), strict=True)) for point in beside(molecule, dipole))
        view.addArrow({"start": start, "end": end, "radius": 0.13, "mid": 0.78, "color": DIPOLE})
    view.zoomTo()
    return view


def _add(view: Any, molecule: Molecule, style: dict[str, Any]) -> None:
    view.addModel(_nameless(molecule), "sdf")
    view.setStyle({"model": -1}, style)


def _nameless(molecule: Molecule) -> str:
    """Atoms and bonds as an SD record; aromatic bonds, which 3Dmol.js does not draw, kekulised or else single."""
    mol = sanitised(molecule)
    orders = np.where(molecule.orders > 3, SINGLE, molecule.orders)
    if not isinstance(mol, str):
        Chem.Kekulize(mol, clearAromaticFlags=True)
        orders = np.array([int(bond.GetBondTypeAsDouble()) for bond in mol.GetBonds()], dtype=np.uint8)
    positions = np.nan_to_num(molecule.positions, posinf=0.0, neginf=0.0)
    return sdf_text(replace(molecule, positions=positions, orders=orders, id="", properties={}))


def _script() -> str:
    """The address of 3Dmol.js, with the script in it."""
    return "data:text/javascript;base64," + base64.b64encode(scripts()[0].encode()).decode()
