from __future__ import annotations

import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, InteropError, MissingDependencyError, MoleculeError
from molvm.interop.ase import Perception, from_ase, to_ase


def test_atoms_there_and_back_exactly_and_their_bonds_by_perception(
    small: list[Molecule], charged: list[Molecule]
) -> None:
    for molecule in [*small, *charged]:
        back = from_ase(to_ase(molecule))
        assert back.id == molecule.id
        np.testing.assert_array_equal(back.elements, molecule.elements)
        np.testing.assert_array_equal(back.positions, molecule.positions)
        assert back.charge == molecule.charge
        assert back.smiles() == molecule.smiles()


def test_ase_sees_the_total_charge(charged: list[Molecule]) -> None:
    for molecule in charged:
        atoms = to_ase(molecule)
        assert atoms.info["charge"] == molecule.charge == atoms.get_initial_charges().sum()
        assert atoms.get_chemical_formula(mode="hill") == molecule.formula.split("+")[0].split("-")[0]


def test_ase_may_change_its_atoms(small: list[Molecule]) -> None:
    atoms = to_ase(small[0])
    atoms.positions += 1
    np.testing.assert_allclose(from_ase(atoms).positions, small[0].positions + 1)


@pytest.mark.parametrize("bonds", ["rdkit", "openbabel"])
def test_both_perceive_bonds(charged: list[Molecule], bonds: Perception) -> None:
    methylammonium = charged[2]
    assert from_ase(to_ase(methylammonium), bonds=bonds).smiles() == methylammonium.smiles()


def test_the_charge_is_that_of_the_argument_else_of_info_else_of_the_atoms(charged: list[Molecule]) -> None:
    hydroxide = to_ase(charged[-1])
    del hydroxide.info["charge"]
    assert from_ase(hydroxide).charge == -1
    hydroxide.info["charge"] = 1
    assert from_ase(hydroxide, charge=-1).charge == -1
    with pytest.raises(MoleculeError, match=r"total charge \+3"):
        from_ase(hydroxide, charge=3)


def test_what_is_no_molecule_is_refused() -> None:
    with pytest.raises(InteropError, match="periodic"):
        from_ase(bulk("Cu"))
    for charge in (-0.5, np.nan):
        with pytest.raises(InteropError, match="whole number"):
            from_ase(Atoms("OH", [[0, 0, 0], [0, 0, 0.97]], charges=[charge, 0]))
    for stated in ("x", None):
        with pytest.raises(InteropError, match="whole number"):
            from_ase(Atoms("He", info={"charge": stated}))
    with pytest.raises(MoleculeError, match="no atoms"):
        from_ase(Atoms())
    with pytest.raises(ConfigError, match="rdkit, openbabel"):
        from_ase(Atoms("He"), bonds="guess")  # type: ignore[arg-type]


def test_without_ase_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, small: list[Molecule]) -> None:
    monkeypatch.setitem(sys.modules, "ase", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'molvm\[ase\]'"):
        to_ase(small[0])
