from __future__ import annotations

import pytest

from molvm.chem.canonical import flat_smiles
from molvm.chem.molecule import Molecule


@pytest.mark.parametrize(
    ("text", "smiles"),
    [
        ("OCC", "CCO"),
        ("C[C@H](N)C(=O)O", "CC(N)C(=O)O"),
        ("F/C=C/F", "FC=CF"),
        ("[13CH4]", "C"),
        ("[2H]C([2H])([2H])O", "CO"),
        ("C1=CC=CC=C1", "c1ccccc1"),
        ("C(", None),
        ("", None),
    ],
)
def test_what_is_flattened(text: str, smiles: str | None) -> None:
    assert flat_smiles(text) == smiles


def test_it_is_the_smiles_of_molecules(drug_like: list[Molecule], small: list[Molecule]) -> None:
    for molecule in drug_like + small:
        assert flat_smiles(str(molecule.smiles())) == molecule.smiles()
