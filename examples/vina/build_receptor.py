"""Builds the receptor of this example by RDKit: a cage of six tripeptides, which nature does not have.

python build_receptor.py receptor.pdb
mk_prepare_receptor.py --read_pdb receptor.pdb --write_pdbqt receptor.pdbqt
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

RADIUS = 3.5
"""Å from the centre of the cage, the origin, to the plane that no atom of a wall crosses."""

WALLS = {"W": (1, 0, 0), "F": (-1, 0, 0), "L": (0, 1, 0), "I": (0, -1, 0), "N": (0, 0, 1), "S": (0, 0, -1)}
"""The middle residue of each tripeptide, and the side on which it stands, its side chain inwards."""

BACKBONE = ("N", "CA", "C", "O")

SEED = 1


def tripeptide(middle: str, chain: str) -> Chem.Mol:
    """Glycine, the residue, glycine: a zwitterion with hydrogens, embedded and relaxed by MMFF94."""
    mol = Chem.MolFromSequence(f"G{middle}G")
    for atom in mol.GetAtoms():
        atom.GetPDBResidueInfo().SetChainId(chain)
        if (residue(atom), name(atom)) == (1, "N"):
            atom.SetFormalCharge(1)
        if name(atom) == "OXT":
            atom.SetFormalCharge(-1)
    Chem.SanitizeMol(mol)
    mol = Chem.AddHs(mol, addResidueInfo=True)
    if rdDistGeom.EmbedMolecule(mol, randomSeed=SEED) or rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=2000):
        raise SystemExit(f"The tripeptide around {middle} cannot be built.")
    # Meeko wants the atoms of a residue together; RDKit puts the hydrogens last.
    return Chem.RenumberAtoms(mol, sorted(range(mol.GetNumAtoms()), key=lambda i: residue(mol.GetAtomWithIdx(i))))


def residue(atom: Chem.Atom) -> int:
    """1, 2 or 3."""
    return int(atom.GetPDBResidueInfo().GetResidueNumber())


def name(atom: Chem.Atom) -> str:
    """As in a PDB file."""
    return str(atom.GetPDBResidueInfo().GetName().strip())


def place(mol: Chem.Mol, side: NDArray[np.float64]) -> None:
    """Turn the tripeptide so that its side chain points from that side to the origin, and move it to `RADIUS`."""
    conformer = mol.GetConformer()
    positions = conformer.GetPositions()
    middle = [atom for atom in mol.GetAtoms() if residue(atom) == 2 and atom.GetAtomicNum() > 1]
    alpha = next(atom.GetIdx() for atom in middle if name(atom) == "CA")
    tips = [atom.GetIdx() for atom in middle if name(atom) not in BACKBONE]
    positions = (positions - positions[alpha]) @ rotation(positions[tips].mean(axis=0) - positions[alpha], -side).T
    conformer.SetPositions(positions + side * (RADIUS - (positions @ side).min()))


def rotation(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smallest rotation that turns one direction into another, not its opposite (Rodrigues' formula)."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: NDArray[np.float64] = np.eye(3) + cross + cross @ cross / (1 + start @ end)
    return turned


def main() -> None:
    """Write the cage, a chain a wall."""
    lines: list[str] = []
    for chain, (middle, side) in zip("ABCDEF", WALLS.items(), strict=True):
        mol = tripeptide(middle, chain)
        place(mol, np.array(side, dtype=np.float64))
        lines += [line for line in Chem.MolToPDBBlock(mol).splitlines() if line.startswith("ATOM")]
    Path(sys.argv[1]).write_text("\n".join([*lines, "END"]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
