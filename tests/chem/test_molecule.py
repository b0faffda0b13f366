from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from molvm.chem.molecule import Molecule
from molvm.errors import MoleculeError

WATER = {
    "elements": [8, 1, 1],
    "positions": [[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]],
    "formal_charges": [0, 0, 0],
    "bonds": [[0, 1], [0, 2]],
    "orders": [1, 1],
}


def make(**changes: object) -> Molecule:
    return Molecule(**{**WATER, **changes})  # type: ignore[arg-type]


def test_arrays_have_the_declared_types_and_are_read_only() -> None:
    water = make()
    kinds = [water.elements.dtype, water.positions.dtype, water.formal_charges.dtype, water.bonds.dtype]
    assert [str(kind) for kind in kinds] == ["uint8", "float64", "int8", "int32"]
    with pytest.raises(ValueError, match="read-only"):
        water.positions[0, 0] = 1.0


def test_arrays_are_copied() -> None:
    positions = np.array(WATER["positions"])
    water = make(positions=positions)
    positions[0, 0] = 9.0
    assert water.positions[0, 0] == 0.0


@pytest.mark.parametrize(
    "changes",
    [
        {"positions": [[0.0, 0.0, 0.0]]},
        {"positions": [0.0, 0.0, 0.0]},
        {"formal_charges": [0]},
        {"orders": [1]},
        {"orders": [1, 7]},
        {"bonds": [[1, 0], [0, 2]]},
        {"bonds": [[0, 1], [0, 3]]},
        {"bonds": [[0, 1], [0, 1]]},
        {"bonds": [[-1, 1], [0, 2]]},
        {"elements": [8, 1, 300]},
        {"elements": ["O", "H", "H"]},
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MoleculeError):
        make(**changes)


def test_survives_pickling() -> None:
    water = make(id="w", properties={"source": "test"})
    copy = pickle.loads(pickle.dumps(water))  # noqa: S301
    assert copy.id == "w"
    assert copy.properties == {"source": "test"}
    np.testing.assert_array_equal(copy.positions, water.positions)
    np.testing.assert_array_equal(copy.bonds, water.bonds)


def test_simple_properties() -> None:
    water = make()
    assert (water.n_atoms, water.charge, water.n_electrons, water.formula) == (3, 0, 10, "H2O")
    charged = {-1: "H2O-", 1: "H2O+", 2: "H2O+2", -2: "H2O-2"}
    assert {charge: make(formal_charges=[charge, 0, 0]).formula for charge in charged} == charged
    assert make(formal_charges=[-1, 0, 0]).n_electrons == 11


@pytest.mark.parametrize(("bonds", "fragments"), [([[0, 1], [0, 2]], 1), ([[0, 1]], 2), (np.empty((0, 2)), 3)])
def test_fragments_are_the_components_of_the_graph(bonds: object, fragments: int) -> None:
    assert make(bonds=bonds, orders=[1] * len(bonds)).n_fragments == fragments  # type: ignore[arg-type]


def test_there_and_back_through_rdkit(drug_like: list[Molecule], small: list[Molecule]) -> None:
    for molecule in drug_like + small:
        back = Molecule.from_rdkit(molecule.to_rdkit(), id=molecule.id)
        for name in ("elements", "positions", "formal_charges", "bonds", "orders"):
            np.testing.assert_array_equal(getattr(back, name), getattr(molecule, name))


def test_rdkit_gets_explicit_hydrogens_only() -> None:
    mol = make(bonds=[[0, 1]], orders=[1]).to_rdkit()
    assert all(atom.GetNoImplicit() for atom in mol.GetAtoms())
    Chem.SanitizeMol(mol)
    assert sum(atom.GetTotalNumHs() for atom in mol.GetAtoms()) == 0


def test_smiles_are_canonical_and_do_not_depend_on_kekulisation(drug_like: list[Molecule]) -> None:
    for molecule in drug_like:
        mol = molecule.to_rdkit()
        Chem.SanitizeMol(mol)
        Chem.Kekulize(mol, clearAromaticFlags=True)
        kekulised = Molecule.from_rdkit(mol, id=molecule.id)
        smiles = molecule.smiles()
        assert smiles is not None
        assert smiles == kekulised.smiles() == Chem.CanonSmiles(smiles)


def test_smiles_of_an_impossible_molecule_are_none() -> None:
    assert make(bonds=[[0, 1], [0, 2], [1, 2]], orders=[1, 1, 1]).smiles() is None
    assert make(elements=[8, 1, 0]).smiles() is None
    assert make(elements=[119, 1, 1]).smiles() is None


def test_rdkit_molecule_without_positions_is_refused() -> None:
    with pytest.raises(MoleculeError, match="conformer"):
        Molecule.from_rdkit(Chem.MolFromSmiles("C"))


def test_dative_bonds_are_refused() -> None:
    mol = Chem.MolFromSmiles("[NH3]->[Cu]")
    mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
    with pytest.raises(MoleculeError, match="DATIVE"):
        Molecule.from_rdkit(mol)


def test_replace_checks_again() -> None:
    with pytest.raises(MoleculeError):
        replace(make(), positions=np.zeros((2, 3)))


def test_rdkit_is_given_properties_and_finds_the_handedness_in_the_positions() -> None:
    for smiles in ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"):
        molecule = replace(Molecule.from_smiles(smiles, id="alanine"), properties={"source": "x", "logP": -2.9})
        mol = molecule.to_rdkit()
        assert mol.GetProp("_Name") == "alanine"
        assert (mol.GetProp("source"), mol.GetProp("logP")) == ("x", "-2.9")
        Chem.SanitizeMol(mol)
        Chem.AssignStereochemistryFrom3D(mol)
        assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles(smiles)
