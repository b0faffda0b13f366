from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from molvm.chem.molecule import Molecule
from molvm.chem.superpose import superposed_rmsd


def pair(distance: float, element: int = 7) -> Molecule:
    return Molecule(
        elements=[element, element],
        positions=[[0, 0, 0], [0, 0, distance]],
        formal_charges=[0, 0],
        bonds=[[0, 1]],
        orders=[3],
    )


def tetrahedron(corners: list[int]) -> Molecule:
    """A carbon atom with four neighbours."""
    directions = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    return Molecule(
        elements=[6, *corners],
        positions=np.vstack([np.zeros(3), directions]),
        formal_charges=[0] * 5,
        bonds=[[0, corner] for corner in range(1, 5)],
        orders=[1] * 4,
    )


def test_a_rotation_and_translation_are_no_distance(small: list[Molecule]) -> None:
    turn = Rotation.from_euler("xyz", [0.3, 1.1, -2.0]).as_matrix()
    for molecule in small:
        moved = molecule.positions @ turn.T + [5.0, -3.0, 1.0]
        assert superposed_rmsd(molecule, moved) == pytest.approx(0.0, abs=1e-6), molecule.id


@pytest.mark.parametrize("turn", [[0.0, 0.0, 0.0], [0.4, -1.0, 2.0]])
def test_two_atoms_that_part_move_half_as_far_each(turn: list[float]) -> None:
    positions = pair(1.7).positions @ Rotation.from_euler("xyz", turn).as_matrix().T
    assert superposed_rmsd(pair(1.1), positions) == pytest.approx(0.3, abs=1e-9)


def test_it_is_scipys(paracetamol: Molecule) -> None:
    noisy = paracetamol.positions + np.random.default_rng(0).normal(0, 0.2, paracetamol.positions.shape)
    centred = [positions - positions.mean(axis=0) for positions in (noisy, paracetamol.positions)]
    _, root_sum = Rotation.align_vectors(*centred)
    assert superposed_rmsd(paracetamol, noisy) == pytest.approx(root_sum / np.sqrt(paracetamol.n_atoms), abs=1e-6)


def test_mirror_images_differ() -> None:
    chiral = tetrahedron([1, 9, 17, 35])
    assert (superposed_rmsd(chiral, chiral.positions * [-1, 1, 1]) or 0) > 0.3


def test_hydrogens_may_be_left_out(paracetamol: Molecule) -> None:
    positions = paracetamol.positions.copy()
    positions[paracetamol.elements == 1] += 0.5
    assert superposed_rmsd(paracetamol, positions, hydrogens=False) == pytest.approx(0.0, abs=1e-6)
    assert (superposed_rmsd(paracetamol, positions) or 0) > 0.1


def test_without_atoms_to_compare_there_is_no_distance() -> None:
    assert superposed_rmsd(pair(0.7, element=1), pair(0.8, element=1).positions, hydrogens=False) is None
    methane = tetrahedron([1, 1, 1, 1])
    assert superposed_rmsd(methane, methane.positions + 1.0, hydrogens=False) == pytest.approx(0.0)
