from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from molvm.chem.formats.smiles import read_smiles
from molvm.chem.molecule import Molecule
from molvm.chem.superpose import superposed_rmsd, superposing
from molvm.evaluation.strain import RMSD_ALL, Strain
from molvm.rewards.dipole import Dipole
from molvm.studio.closeup import Closeup, dipole_of
from molvm.studio.properties import property_rows


@pytest.fixture(scope="module")
def formamide() -> Molecule:
    (record,) = read_smiles(["NC=O formamide\n"])
    assert record.molecule is not None
    return record.molecule


def test_a_moved_copy_is_brought_back(formamide: Molecule) -> None:
    turn = Rotation.from_euler("xyz", [0.3, 1.0, -2.0]).as_matrix()
    moved = formamide.positions @ turn.T + [1.0, -2.0, 3.0]
    rotation, translation = superposing(formamide, moved)
    np.testing.assert_allclose(moved @ rotation.T + translation, formamide.positions, atol=1e-6)
    np.testing.assert_allclose(rotation @ turn, np.eye(3), atol=1e-6)


def test_a_closeup_says_what_strain_and_dipole_say(formamide: Molecule) -> None:
    close = Closeup().outcome(formamide)
    assert close.value == pytest.approx(Strain().outcome(formamide).value)
    vector = dipole_of(close.details)
    assert vector is not None
    assert np.linalg.norm(vector) == pytest.approx(Dipole().outcome(formamide).value, abs=1e-3)
    assert close.positions is not None
    apart = np.sqrt(((close.positions - formamide.positions) ** 2).sum(axis=1).mean())
    assert apart == pytest.approx(close.details[RMSD_ALL], abs=1e-4)
    assert superposed_rmsd(formamide, close.positions) == pytest.approx(apart, abs=1e-4)


def test_the_dipole_turns_with_the_molecule(formamide: Molecule) -> None:
    turn = Rotation.from_euler("xyz", [0.3, 1.0, -2.0]).as_matrix()
    turned = replace(formamide, positions=formamide.positions @ turn.T)
    one, other = (dipole_of(Closeup().outcome(each).details) for each in (formamide, turned))
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(turn @ one, other, atol=0.02)


def test_an_ion_has_no_dipole() -> None:
    (record,) = read_smiles(["[NH4+] ammonium\n"])
    assert record.molecule is not None
    close = Closeup().outcome(record.molecule)
    assert close.value is not None
    assert dipole_of(close.details) is None


def test_what_is_broken_is_a_failure() -> None:
    close = Closeup().outcome(Molecule([6], [[0, 0, 0]], [0], [], []))
    assert close.failure is not None
    assert close.positions is None


def test_every_property_has_an_origin(formamide: Molecule) -> None:
    rows = property_rows(
        {"id": "x", "atoms": 6, "qed": 0.4, "tries": 2.0}, formamide, Closeup().outcome(formamide), "qed"
    )
    found = {row["property"]: row for row in rows}
    assert {"atoms", "tries", "charge", "QED", "strain", "dipole", "RMSD, all atoms"} <= set(found)
    assert found["dipole"]["value"].endswith(" D")
    assert all(row["origin"] for row in rows)


def test_what_our_engines_tell_has_units_and_what_others_tell_has_none(formamide: Molecule) -> None:
    outcome = Dipole().outcome(formamide)
    row = {"id": "x", "dipole": outcome.value, **outcome.details, "energy_of_mine": 3.0}
    found = {each["property"]: each["value"] for each in property_rows(row, formamide, None, "dipole", unit="D")}
    for name, unit in (
        ("dipole", "D"),
        ("energy", "Eh"),
        ("gfnff_energy", "Eh"),
        ("gap", "eV"),
        ("gradient_norm", "Eh/a₀"),
    ):
        assert found[name].endswith(f" {unit}"), name
    assert found["energy_of_mine"] == "3"
    assert property_rows({"energy": 2.0}, formamide, None, "mine")[0]["value"] == "2"
    of_term = property_rows({"dipole.energy": 2.0, "dipole.single_point_seconds": 1.0}, formamide, None, "sum")
    assert of_term[0]["value"] == "2 Eh"


def test_fields_of_a_file_are_shown_as_they_stand_there(formamide: Molecule) -> None:
    fields = {"CID": "22440000", "IC50": "<10 nM"}
    rows = property_rows({"id": "x", "formula": "CH3NO", "CID": 22440000.0}, formamide, None, "", fields)
    found = {row["property"]: (row["value"], row["origin"]) for row in rows}
    assert found["CID"] == ("22440000", "record")
    assert found["IC50"] == ("<10 nM", "record")
    assert found["formula"] == ("CH3NO", "file")
