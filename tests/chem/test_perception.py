from __future__ import annotations

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.chem.perception import perceive_bonds
from molvm.errors import MoleculeError


def test_bonds_are_perceived_and_positions_kept(small: list[Molecule]) -> None:
    for molecule in small:
        back = perceive_bonds(molecule.elements, molecule.positions, charge=molecule.charge, id=molecule.id)
        assert back.smiles() == molecule.smiles()
        assert back.id == molecule.id
        np.testing.assert_array_equal(back.positions, molecule.positions)


def test_the_total_charge_decides_the_formal_charges() -> None:
    hydroxide = perceive_bonds([8, 1], [[0, 0, 0], [0, 0, 0.97]], charge=-1)
    assert hydroxide.formal_charges.tolist() == [-1, 0]
    assert hydroxide.bonds.tolist() == [[0, 1]]


@pytest.mark.parametrize(("element", "charge"), [(11, 1), (17, -1), (1, 1), (26, 2), (2, 0)])
def test_a_single_atom_carries_the_charge(element: int, charge: int) -> None:
    assert perceive_bonds([element], [[0, 0, 0]], charge=charge).formal_charges.tolist() == [charge]


@pytest.mark.parametrize(
    ("elements", "positions"),
    [
        ([], []),
        ([1, 1], [[0, 0, 0]]),
        ([1], [[0, 0, np.inf]]),
        ([0], [[0, 0, 0]]),
        ([300], [[0, 0, 0]]),
        (np.array([262]), np.zeros((1, 3))),
        ([8, 1], [[0, 0, 0], [0, 0, 0.97]]),
    ],
)
def test_what_is_no_neutral_molecule_is_refused(elements: object, positions: object) -> None:
    with pytest.raises(MoleculeError):
        perceive_bonds(elements, positions)  # type: ignore[arg-type]
