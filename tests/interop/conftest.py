"""Molecules of every kind that has to survive a journey."""

from __future__ import annotations

import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from molvm.chem.molecule import Molecule
from tests.chem.conftest import drug_like, small

__all__ = ["charged", "drug_like", "small"]

CHARGED = {
    "nitromethane": "C[N+](=O)[O-]",
    "acetate": "CC(=O)[O-]",
    "methylammonium": "C[NH3+]",
    "glycine": "[NH3+]CC(=O)[O-]",
    "tetramethylammonium": "C[N+](C)(C)C",
    "methyl azide": "CN=[N+]=[N-]",
    "hydroxide": "[OH-]",
}


@pytest.fixture(scope="session")
def charged() -> list[Molecule]:
    """Molecules with formal charges, some of which cancel."""
    return [_embedded(smiles, name) for name, smiles in CHARGED.items()]


def _embedded(smiles: str, name: str) -> Molecule:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=7) == 0
    rdForceFieldHelpers.UFFOptimizeMolecule(mol)
    return Molecule.from_rdkit(mol, id=name)
