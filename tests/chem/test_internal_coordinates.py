from __future__ import annotations

import numpy as np
import pytest

from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.internal_coordinates import InternalCoordinates, cosines
from molvm.chem.molecule import Molecule
from molvm.chem.units import ANGSTROM_PER_BOHR

STEP = 1e-4


def from_smiles(smiles: str) -> Molecule:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    return molecule


def geometry(molecule: Molecule) -> tuple[InternalCoordinates, np.ndarray]:
    positions = molecule.positions / ANGSTROM_PER_BOHR
    return InternalCoordinates.of(molecule.bonds, positions), positions


def distance(positions: np.ndarray, atoms: np.ndarray) -> float:
    i, j = positions[atoms]
    return float(np.linalg.norm(j - i))


def angle(positions: np.ndarray, atoms: np.ndarray) -> float:
    i, j, k = positions[atoms]
    first, second = i - j, k - j
    return float(np.arccos(first @ second / np.linalg.norm(first) / np.linalg.norm(second)))


def torsion(positions: np.ndarray, atoms: np.ndarray) -> float:
    i, j, k, m = positions[atoms]
    axis = (k - j) / np.linalg.norm(k - j)
    left, right = np.cross(j - i, axis), np.cross(axis, m - k)
    return float(np.arctan2(np.cross(left, right) @ axis, left @ right))


def bent(positions: np.ndarray, atoms: np.ndarray) -> np.ndarray:
    i, j, k = positions[atoms]
    return (i - j) / np.linalg.norm(i - j) + (k - j) / np.linalg.norm(k - j)


def change(function, positions: np.ndarray, direction: np.ndarray, atoms: np.ndarray):  # type: ignore[no-untyped-def]
    ahead, behind = (function(positions + sign * STEP * direction, atoms) for sign in (1.0, -1.0))
    # A torsion may pass from π to −π between the two.
    return ((ahead - behind + np.pi) % (2 * np.pi) - np.pi) / (2 * STEP)


@pytest.mark.parametrize("smiles", ["OC(=O)c1ccccc1", "CCS(=O)(=O)NC", "C1CC1F", "CC#CC", "C=C=C"])
def test_they_are_the_derivatives_of_lengths_angles_and_torsions(smiles: str) -> None:
    coordinates, positions = geometry(from_smiles(smiles))
    direction = np.random.default_rng(3).normal(size=positions.shape)
    expected = [change(distance, positions, direction, atoms) for atoms in coordinates.stretches]
    expected += [change(angle, positions, direction, atoms) for atoms in coordinates.bends]
    expected += list(
        np.array([change(bent, positions, direction, atoms) for atoms in coordinates.linear_bends])
        .reshape(-1, 3)
        .T.ravel()
    )
    for atoms in coordinates.torsions:
        sines = np.sin(angle(positions, atoms[:3])) * np.sin(angle(positions, atoms[1:]))
        expected.append(change(torsion, positions, direction, atoms) * sines)
    np.testing.assert_allclose(coordinates.derivatives(positions) @ direction.ravel(), expected, atol=1e-5)


def test_each_bond_angle_and_torsion_is_there_once() -> None:
    ethane, _ = geometry(from_smiles("CC"))
    assert [len(part) for part in (ethane.stretches, ethane.bends, ethane.linear_bends, ethane.torsions)] == [
        7,
        12,
        0,
        9,
    ]
    butyne, _ = geometry(from_smiles("CC#CC"))
    assert [len(part) for part in (butyne.stretches, butyne.bends, butyne.linear_bends)] == [9, 12, 2]


def test_translation_and_rotation_change_none(drug_like: list[Molecule]) -> None:
    for molecule in drug_like[::10]:
        coordinates, positions = geometry(molecule)
        derivatives = coordinates.derivatives(positions)
        for axis in np.eye(3):
            assert np.abs(derivatives @ np.tile(axis, len(positions))).max() < 1e-12
            turning = np.cross(axis, positions).ravel()
            # The sums of unit vectors of a linear angle turn with the molecule; they are nearly nought.
            bounded = 1e-9 if not len(coordinates.linear_bends) else 0.31
            assert np.abs(derivatives @ turning).max() < bounded


def test_an_angle_that_is_folded_is_not_linear() -> None:
    bonds = np.array([[0, 1], [1, 2]])
    for degrees, linear in ((5.0, 0), (90.0, 0), (160.0, 0), (165.0, 1), (180.0, 1)):
        turn = np.radians(degrees)
        positions = np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [2.0 * np.cos(turn), 2.0 * np.sin(turn), 0.0]])
        assert cosines(positions, np.array([[0, 1, 2]])) == pytest.approx([np.cos(turn)])
        assert len(InternalCoordinates.of(bonds, positions).linear_bends) == linear


@pytest.mark.parametrize("smiles", ["[He]", "[H][H]", "N#N", "C#C", "O=C=O", "FC#CF"])
def test_atoms_and_lines_have_finite_ones(smiles: str) -> None:
    coordinates, positions = geometry(from_smiles(smiles))
    assert np.isfinite(coordinates.derivatives(positions)).all()
