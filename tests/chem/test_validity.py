from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from molvm.chem import validity
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule

from .broken import broken_versions


def from_smiles(smiles: str) -> Molecule:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    return molecule


def test_real_molecules_pass_every_gate(drug_like: list[Molecule], small: list[Molecule]) -> None:
    for molecule in drug_like + small:
        assert (validity.SOUND + validity.CLOSED_SHELL)(molecule) is None
        assert validity.is_valid_and_connected(molecule)


def test_every_broken_version_is_turned_away_with_a_reason(paracetamol: Molecule) -> None:
    for name, molecule in broken_versions(paracetamol).items():
        rejection = validity.SOUND(molecule)
        assert rejection is not None, name
        assert rejection.reason
        assert rejection.kind in {"invalid", "rejected"}


@pytest.mark.parametrize(
    ("version", "check"),
    [
        ("two atoms in one place", "distances"),
        ("a coordinate that is not a number", "coordinates"),
        ("half of it 500 bohr away", "bond lengths"),
        ("water 500 bohr away", "connected"),
        ("a hydrogen missing", "valences"),
        ("atomic number 0", "elements"),
        ("no atoms", "size"),
    ],
)
def test_the_check_that_fails_has_the_right_name(paracetamol: Molecule, version: str, check: str) -> None:
    rejection = validity.SOUND(broken_versions(paracetamol)[version])
    assert rejection is not None
    assert rejection.check == check


@pytest.mark.parametrize("smiles", ["[CH3]", "[CH2]", "C[O]", "[OH]", "[CH3][CH]C"])
def test_radicals_are_not_strictly_valid(smiles: str) -> None:
    assert not validity.is_strictly_valid(from_smiles(smiles))


@pytest.mark.parametrize("smiles", ["[NH4+]", "[NH3+]CC(=O)[O-]", "C[N+](=O)[O-]", "[C-]#[O+]", "O.O"])
def test_ions_and_fragments_are_strictly_valid(smiles: str) -> None:
    assert validity.is_strictly_valid(from_smiles(smiles))


@pytest.mark.parametrize(
    ("smiles", "check"), [("[NH4+]", "neutral"), ("CC(=O)[O-]", "neutral"), ("[Rn]", None), ("[U]", "xtb elements")]
)
def test_scope_of_the_semiempirical_methods(smiles: str, check: str | None) -> None:
    rejection = validity.CLOSED_SHELL(from_smiles(smiles))
    assert (rejection.check if rejection else None) == check


def test_odd_electrons_are_found() -> None:
    assert validity.check_closed_shell(from_smiles("[CH3]")) is not None
    assert validity.check_closed_shell(from_smiles("C")) is None


def test_too_many_atoms_are_rejected() -> None:
    n = validity.MAX_ATOMS + 1
    crowd = Molecule([2] * n, [[0.0, 0.0, 3.0 * i] for i in range(n)], [0] * n, [], [])  # type: ignore[arg-type]
    assert validity.check_size(crowd) is not None


def test_a_gate_stops_at_the_first_failure() -> None:
    seen: list[str] = []

    def check(name: str, answer: str | None) -> validity.Check:
        def test(_: Molecule) -> str | None:
            seen.append(name)
            return answer

        return validity.Check(name, "invalid", test)

    gate = validity.Gate((check("a", None), check("b", "no"))) + validity.Gate((check("c", "never"),))
    assert gate(from_smiles("C")) == validity.Rejection("invalid", "b", "no")
    assert seen == ["a", "b"]


@pytest.mark.parametrize("smiles", ["[Fe]", "[U]"])
def test_a_single_atom_of_a_metal_is_no_molecule(smiles: str) -> None:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    rejection = validity.SOUND(molecule)
    assert rejection is not None
    assert rejection.check == "valences"


def test_bonds_of_the_right_length_are_not_enough(drug_like: list[Molecule]) -> None:
    """Every bond as long as it was, in a random direction."""
    generator = np.random.default_rng(3)
    for molecule in drug_like[::6]:
        positions = np.zeros_like(molecule.positions)
        placed = {0}
        bonds = molecule.bonds.tolist()
        while len(placed) < molecule.n_atoms:
            for i, j in bonds:
                if (i in placed) != (j in placed):
                    old, new = (i, j) if i in placed else (j, i)
                    direction = generator.normal(size=3)
                    length = np.linalg.norm(molecule.positions[i] - molecule.positions[j])
                    positions[new] = positions[old] + length * direction / np.linalg.norm(direction)
                    placed.add(new)
        assert validity.SOUND(replace(molecule, positions=positions)) is not None
