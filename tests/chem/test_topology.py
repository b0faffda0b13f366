from __future__ import annotations

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.chem.topology import changed_bonds, covalent_radii, relative_bond_lengths


def test_lengths_of_real_bonds_are_about_their_radii(drug_like: list[Molecule]) -> None:
    ratios = np.concatenate([relative_bond_lengths(molecule) for molecule in drug_like])
    assert 0.8 < ratios.min() < ratios.max() < 1.35
    assert np.median(ratios) == pytest.approx(1.0, abs=0.05)


def test_nothing_has_changed_in_a_molecule(small: list[Molecule]) -> None:
    for molecule in small:
        assert changed_bonds(molecule, molecule.positions) == []


def test_a_stretched_bond_and_a_new_contact_are_found(small: list[Molecule]) -> None:
    water = small[0]
    stretched = np.array(water.positions)
    stretched[1] += 2.0 * (stretched[1] - stretched[0])
    assert changed_bonds(water, stretched) == [(0, 1)]
    radius = covalent_radii()[1]
    touching = np.array(water.positions)
    touching[2] = touching[1] + [2.0 * radius, 0.0, 0.0]
    assert (1, 2) in changed_bonds(water, touching)


def test_the_answer_does_not_depend_on_the_frame(small: list[Molecule]) -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    for molecule in small:
        stretched = 1.4 * molecule.positions
        assert changed_bonds(molecule, stretched) == changed_bonds(molecule, stretched @ rotation.T + 7.0)
        assert len(changed_bonds(molecule, stretched)) > 0


def test_positions_that_are_not_numbers_count_as_changes(small: list[Molecule]) -> None:
    assert changed_bonds(small[0], np.full((3, 3), np.nan)) == [(0, 1), (0, 2), (1, 2)]
