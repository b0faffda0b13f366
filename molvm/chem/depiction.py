"""Flat drawings of molecules as SVG, by RDKit."""

from __future__ import annotations

import contextlib
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from molvm.chem.molecule import Molecule
from molvm.chem.rdkit_bridge import sanitised
from molvm.errors import MoleculeError


def drawing(molecule: Molecule, width: int = 260, height: int = 190) -> str:
    """The bond graph as SVG, carbon-bound hydrogens left out; a graph that is no molecule is drawn as it is.

    Nothing of the molecule's name or properties is in it.
    """
    mol = sanitised(molecule)
    if isinstance(mol, str):
        try:
            mol = molecule.to_rdkit()
        except MoleculeError:
            return blank(width, height)
    with rdBase.BlockLogs():
        try:
            return _svg(mol, width, height)
        except (ValueError, RuntimeError):
            return blank(width, height)


def blank(width: int, height: int) -> str:
    """A drawing of nothing."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"></svg>'


def _svg(mol: Chem.Mol, width: int, height: int) -> str:
    flat = Chem.Mol(mol)
    flat.RemoveAllConformers()
    flat.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(flat)
    flat = Chem.RemoveHs(flat, sanitize=False)
    # Chemists draw double bonds; what cannot be kekulised keeps the dashes of aromatic bonds.
    with contextlib.suppress(ValueError, RuntimeError):
        Chem.Kekulize(flat, clearAromaticFlags=True)
    flat.ClearProp("_Name")
    rdDepictor.SetPreferCoordGen(False)
    rdDepictor.Compute2DCoords(flat)
    canvas = rdMolDraw2D.MolDraw2DSVG(width, height)
    options: Any = canvas.drawOptions()
    options.clearBackground = False
    options.bondLineWidth = 1.4
    options.padding = 0.12
    options.fixedBondLength = 28
    options.prepareMolsBeforeDrawing = False
    canvas.DrawMolecule(flat)
    canvas.FinishDrawing()
    return str(canvas.GetDrawingText())
