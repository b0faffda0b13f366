"""Small real molecules."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import AllChem

from molvm.chem.molecule import Molecule


def embedded(smiles: str) -> Molecule:
    """The molecule with hydrogens and a conformer."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=7)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    return Molecule.from_rdkit(mol, id=smiles)
