from __future__ import annotations

import pytest

from molvm.chem.electrons import electrons_gate
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.chem.validity import CLOSED_SHELL, SOUND


def from_smiles(smiles: str) -> Molecule:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    return molecule


def check_of(smiles: str, charge: int | None = None, unpaired: int = 0, *, neutral: bool = False) -> str | None:
    rejection = electrons_gate(charge, unpaired, neutral=neutral)(from_smiles(smiles))
    return None if rejection is None else rejection.check


def test_the_default_for_neutral_molecules_is_the_closed_shell_gate(small: list[Molecule]) -> None:
    gate = electrons_gate(neutral=True)
    assert [check.name for check in gate.checks] == [check.name for check in (SOUND + CLOSED_SHELL).checks]
    for molecule in (*small, from_smiles("[NH4+]"), from_smiles("[CH3]"), from_smiles("O.O")):
        ours, theirs = gate(molecule), (SOUND + CLOSED_SHELL)(molecule)
        assert ours == theirs


@pytest.mark.parametrize(
    ("smiles", "charge", "unpaired", "check"),
    [
        ("O", None, 0, None),
        ("[NH4+]", None, 0, None),
        ("O", 1, 1, None),
        ("O", -1, 1, None),
        ("O", None, 2, None),
        ("[CH3]", None, 1, None),
        ("O=O", None, 2, None),
        ("[CH3]", None, 0, "valences"),
        ("[CH3]", None, 3, "valences"),
        ("O", 1, 0, "closed shell"),
        ("O", None, 1, "open shell"),
        ("[H][H]", 2, 0, "closed shell"),
        ("[H][H]", None, 4, "open shell"),
    ],
)
def test_electrons_must_be_there_to_be_paired_as_asked(
    smiles: str, charge: int | None, unpaired: int, check: str | None
) -> None:
    assert check_of(smiles, charge, unpaired) == check


def test_ions_are_turned_away_only_where_asked() -> None:
    assert check_of("[NH4+]", neutral=True) == "neutral"
    assert check_of("O", charge=2, neutral=True) == "neutral"
    assert check_of("[NH4+]") is None
