from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molvm.chem.formal_charges import implied_charges, separated_charges
from molvm.chem.molecule import Molecule
from molvm.errors import MoleculeError

CHARGED = (
    "C[NH3+]",
    "CC(=O)[O-]",
    "C[N+](=O)[O-]",
    "C[S+](C)C",
    "C[P+](C)(C)C",
    "F[B-](F)(F)F",
    "C[O+]=C",
    "[Cl-].[NH4+]",
)


def molecule(smiles: str) -> Molecule:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=7) == 0
    return Molecule.from_rdkit(mol, id=smiles)


@pytest.mark.parametrize("smiles", CHARGED)
def test_charges_follow_from_the_valences(smiles: str) -> None:
    made = molecule(smiles)
    np.testing.assert_array_equal(implied_charges(made), made.formal_charges)


def test_neutral_molecules_have_none(small: list[Molecule], drug_like: list[Molecule]) -> None:
    for one in [*small, *drug_like]:
        kekulised = one.to_rdkit()
        Chem.SanitizeMol(kekulised)
        Chem.Kekulize(kekulised, clearAromaticFlags=True)
        if not any(one.formal_charges):
            assert not implied_charges(Molecule.from_rdkit(kekulised)).any()


@pytest.mark.parametrize("smiles", ["[CH3+]", "[CH3-]", "[Na+].[Cl-]"])
def test_what_valences_do_not_decide_is_refused(smiles: str) -> None:
    with pytest.raises(MoleculeError, match="Nothing says"):
        implied_charges(molecule(smiles))


def test_five_bonds_to_nitrogen_become_charges() -> None:
    nitromethane = molecule("C[N+](=O)[O-]")
    five = replace(
        nitromethane,
        formal_charges=np.zeros_like(nitromethane.formal_charges),
        orders=np.where(nitromethane.elements[nitromethane.bonds].min(axis=1) > 6, 2, nitromethane.orders),
    )
    separated = Molecule.from_rdkit(separated_charges(five.to_rdkit()))
    assert separated.smiles() == nitromethane.smiles()
    assert np.abs(separated.formal_charges).sum() == 2
