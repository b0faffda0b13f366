"""Canonical SMILES of SMILES, as `Molecule.smiles` writes them, so that the two can be compared."""

from __future__ import annotations

from rdkit import Chem, rdBase


def flat_smiles(text: str) -> str | None:
    """Canonical SMILES without hydrogens, isotopes and stereochemistry.

    Args:
        text: A SMILES.

    Returns:
        None where RDKit cannot read it, or it has no atoms.
    """
    with rdBase.BlockLogs():
        try:
            mol = Chem.MolFromSmiles(text)
            if mol is None or not mol.GetNumAtoms():
                return None
            for atom in mol.GetAtoms():
                atom.SetIsotope(0)
            # Again from the start: hydrogens that were isotopes have stayed atoms.
            return str(Chem.MolToSmiles(Chem.RemoveHs(mol), isomericSmiles=False))
        except (ValueError, RuntimeError):
            return None
