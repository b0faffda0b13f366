from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from molvm.chem.distance_bounds import contradicted_bounds
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.chem.relax import relax
from molvm.chem.topology import changed_bonds

STRAINED = [
    "C1CC1", "C1C2CC1C2", "C12C3C4C1C5C2C3C45", "C12C3C1C23", "C1CC12CC2", "C1=CC2OCC23CC1O3",
    "O", "[H][H]", "[He]", "P", "S", "FF", "OO", "C#CC", "O=C=O", "CN=[N+]=[N-]", "C[N+](=O)[O-]",
    "CS(C)(=O)=O", "OP(=O)(O)O", "IC(I)I", "C[Si](C)(C)C", "S1SSSSSSS1", "CC(C)(C)C(C(C)(C)C)(C(C)(C)C)O",
]  # fmt: skip


def embedded(smiles: str) -> Molecule:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    return molecule


@pytest.mark.parametrize("smiles", STRAINED)
def test_minima_of_strained_and_unusual_molecules_are_within(smiles: str) -> None:
    molecule = embedded(smiles)
    assert contradicted_bounds(molecule, relax(molecule).positions) is None


def test_minima_of_drugs_are_within(drug_like: list[Molecule]) -> None:
    assert [contradicted_bounds(molecule, relax(molecule).positions) for molecule in drug_like[::3]] == [None] * len(
        drug_like[::3]
    )


def folded(molecule: Molecule, count: int) -> Molecule:
    """The first hydrogens mirrored through the atoms that they are bonded to."""
    positions = molecule.positions.copy()
    for hydrogen in np.flatnonzero(molecule.elements == 1)[:count]:
        bond = next(pair for pair in molecule.bonds.tolist() if hydrogen in pair)
        carrier = bond[0] if bond[1] == hydrogen else bond[1]
        positions[hydrogen] = 2.0 * positions[carrier] - positions[hydrogen]
    return replace(molecule, positions=positions)


@pytest.mark.parametrize(("smiles", "count"), [("c1ccccc1", 1), ("C1CCCCC1", 12)])
def test_minima_with_hydrogens_inside_rings_are_found(smiles: str, count: int) -> None:
    molecule = folded(embedded(smiles), count)
    relaxation = relax(molecule)
    # All that other checks ask for is there.
    assert relaxation.converged
    assert not changed_bonds(molecule, relaxation.positions)
    assert contradicted_bounds(molecule, relaxation.positions) is not None


def test_the_pair_its_distance_and_its_bounds_are_named() -> None:
    methane = embedded("C")
    apart = 0.36 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    found = contradicted_bounds(methane, np.vstack([np.zeros(3), np.column_stack([apart, np.full(4, 1.03)])]))
    assert found is not None
    assert "atoms 1 and 2, 2 bonds apart, are at 0.72 Å" in found


@pytest.mark.parametrize("factor", [0.6, 1.4])
def test_no_molecule_is_that_small_or_large(paracetamol: Molecule, factor: float) -> None:
    assert contradicted_bounds(paracetamol, paracetamol.positions) is None
    assert contradicted_bounds(paracetamol, factor * paracetamol.positions) is not None


def bent(molecule: Molecule, degrees: float) -> Molecule:
    """A linear molecule of three heavy atoms in a row, bent at the second."""
    heavy = np.flatnonzero(molecule.elements > 1)
    middle, last = molecule.positions[heavy[1]], molecule.positions[heavy[2]]
    turn = np.radians(180.0 - degrees)
    axis = (last - middle) / np.linalg.norm(last - middle)
    across = np.cross(axis, [0.3, 0.5, 0.7])
    across /= np.linalg.norm(across)
    positions = molecule.positions.copy()
    positions[heavy[2]] = middle + np.linalg.norm(last - middle) * (np.cos(turn) * axis + np.sin(turn) * across)
    return replace(molecule, positions=positions)


def test_a_triple_bond_is_straight() -> None:
    molecule = embedded("CC#N")
    assert contradicted_bounds(bent(molecule, 165.0), bent(molecule, 165.0).positions) is None
    found = contradicted_bounds(bent(molecule, 140.0), bent(molecule, 140.0).positions)
    assert found is not None
    assert found.endswith("should be straight")


def test_a_graph_without_bounds_contradicts_nothing() -> None:
    methane = embedded("C")
    pentavalent = replace(methane, elements=np.array([7, 1, 1, 1, 1], dtype=np.uint8))
    assert contradicted_bounds(pentavalent, 5.0 * pentavalent.positions) is None
