from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rdkit import Chem

from molvm.chem.formats.smiles import read_smiles
from molvm.chem.io import read_molecules, write_sdf
from molvm.errors import ConfigError
from molvm.runs.molecule_records import MoleculeRecord
from molvm.studio.molecule_table import (
    MOST_MOLECULES,
    Filter,
    MoleculeTable,
    as_csv,
    as_sdf,
    as_smiles,
    ordered,
    table_of_file,
    table_of_records,
)
from tests.studio.hostile import TEXTS, write_hostile


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> MoleculeTable:
    path = tmp_path_factory.mktemp("table") / "some.smi"
    path.write_text("CCO ethanol\nOCC again\nc1ccccc1 benzene\nnonsense broken\nC methane\n")
    return table_of_file(path)


def names(table: MoleculeTable, rows: list[int]) -> list[str]:
    return [str(table.rows["id"][row]) for row in rows]


def test_every_record_has_a_row(table: MoleculeTable) -> None:
    assert names(table, list(range(len(table)))) == ["ethanol", "again", "benzene", "broken", "methane"]
    assert table.rows["stage"].tolist()[3] == "reading"


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Filter(), ["ethanol", "again", "benzene", "broken", "methane"]),
        (Filter(smarts="[OX2H]"), ["ethanol", "again"]),
        (Filter(scored=True), ["ethanol", "again", "benzene", "methane"]),
        (Filter(sound=True), ["ethanol", "again", "benzene", "methane"]),
        (Filter(ranges={"atoms": (6, 12)}), ["ethanol", "again", "benzene"]),
        (Filter(known=frozenset(["C"])), ["ethanol", "again", "benzene"]),
        (Filter(distinct=True), ["ethanol", "benzene", "broken", "methane"]),
    ],
)
def test_filters_keep_what_they_say(table: MoleculeTable, wanted: Filter, left: list[str]) -> None:
    assert names(table, wanted(table)) == left


def test_the_order_is_kept_by_a_filter(table: MoleculeTable) -> None:
    order = ordered(table, "atoms", descending=False)
    assert names(table, order) == ["broken", "methane", "ethanol", "again", "benzene"]
    assert names(table, Filter(scored=True)(table, order)) == ["methane", "ethanol", "again", "benzene"]


@pytest.mark.parametrize("smarts", ["[", "not smarts", "C" * 301])
def test_what_is_no_pattern_is_told(table: MoleculeTable, smarts: str) -> None:
    with pytest.raises(ConfigError, match="no SMARTS"):
        Filter(smarts=smarts)(table)


def test_files_hold_the_chosen_molecules_in_order(table: MoleculeTable) -> None:
    chosen = [2, 3, 0]
    supplier = Chem.SDMolSupplier()
    supplier.SetData(as_sdf(table, chosen).decode())
    assert [mol.GetProp("_Name") for mol in supplier] == ["benzene", "ethanol"]
    assert [row["id"] for row in csv.DictReader(io.StringIO(as_csv(table, chosen).decode()))] == [
        "benzene",
        "broken",
        "ethanol",
    ]
    assert as_smiles(table, chosen).decode().splitlines() == ["c1ccccc1 benzene", "CCO ethanol"]


def test_descriptors_are_those_of_sound_molecules(table: MoleculeTable) -> None:
    described = table.described()
    assert described.rows["qed"].isna().tolist() == [False, False, False, True, False]
    assert "qed" in described.numbers


def test_descriptors_leave_the_reward_of_the_same_name_alone(table: MoleculeTable) -> None:
    ethanol = table.molecules[0]
    assert ethanol is not None
    failed = MoleculeRecord(ethanol, "CCO", iteration=0, worth=0.0, value=None, failure="invalid", stage="valence")
    good = MoleculeRecord(ethanol, "CCO", iteration=0, worth=0.5, value=0.5)
    described = table_of_records([failed, good], "qed").described()
    assert described.rows["qed"].isna().tolist() == [True, False]
    assert described.rows["qed"][1] == 0.5
    assert described.rows["qed_computed"].notna().all()
    assert [row["qed"] for row in csv.DictReader(io.StringIO(as_csv(described, [0, 1]).decode()))] == ["", "0.5"]


def test_descriptors_leave_the_fields_of_a_file_alone(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("smiles,id,qed,log_p\nCCO,ethanol,7,8\n")
    rows = table_of_file(tmp_path / "own.csv").described().rows
    assert (rows["qed"][0], rows["log_p"][0]) == (7.0, 8.0)
    assert 0 < rows["qed_computed"][0] < 1


def test_fields_of_a_file_come_back_as_they_stand_there(tmp_path: Path) -> None:
    own = {"Vendor": "Acme", "IC50": "<10 nM", "smiles": "as drawn", "CID": "22440000", "qed": "0.50", "atoms": "many"}
    (record,) = read_smiles(["CCO ethanol\n"])
    assert record.molecule is not None
    bare = replace(record.molecule, id="bare")
    write_sdf(tmp_path / "own.sdf", [replace(record.molecule, properties=own), bare])
    table = table_of_file(tmp_path / "own.sdf").described()
    assert table.rows["CID"][0] == 22440000
    (tmp_path / "again.sdf").write_bytes(as_sdf(table, [1, 0]))
    without, again = read_molecules(tmp_path / "again.sdf")
    assert own.items() <= again.properties.items()
    assert again.properties["smiles_computed"] == "CCO"
    assert "Vendor" not in without.properties
    bare_row, row = csv.DictReader(io.StringIO(as_csv(table, [1, 0]).decode()))
    assert own.items() <= row.items()
    assert (row["id"], row["smiles_computed"], row["atoms_computed"]) == ("ethanol", "CCO", "9")
    assert (bare_row["Vendor"], bare_row["CID"]) == ("", "")


def test_a_table_that_is_taken_away_holds_no_formulas(tmp_path: Path) -> None:
    (tmp_path / "some.smi").write_text("CCO =1+1\nC -3\n")
    text = as_csv(table_of_file(tmp_path / "some.smi"), [0, 1]).decode()
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == ["'=1+1", "-3"]
    (tmp_path / "again.csv").write_text(text)
    assert [record.id for record in read_molecules(tmp_path / "again.csv")] == ["=1+1", "-3"]


@pytest.mark.parametrize(
    ("write", "vendors"),
    [
        (as_sdf, {}),
        (as_csv, {}),
        (as_sdf, {"smiles": "OCC", "qed": "7", "atoms": "9"}),
        (as_csv, {"qed": "7", "atoms": "9"}),
    ],
)
def test_what_was_taken_away_is_taken_away_again_as_it_is(
    table: MoleculeTable,
    tmp_path: Path,
    write: Callable[[MoleculeTable, Sequence[int]], bytes],
    vendors: dict[str, str],
) -> None:
    good = [molecule for molecule in table.molecules if molecule is not None]
    write_sdf(tmp_path / "own.sdf", [replace(molecule, properties=vendors) for molecule in good])
    once = table_of_file(tmp_path / "own.sdf").described()
    first = write(once, range(len(once)))
    path = tmp_path / f"again.{write.__name__.removeprefix('as_')}"
    path.write_bytes(first)
    again = table_of_file(path).described()
    second = write(again, range(len(again)))
    assert second == first
    assert (b"qed_computed" in second) is (b"atoms_computed" in second) is bool(vendors)
    assert (b"smiles_computed" in second) is ("smiles" in vendors)
    assert b"computed_computed" not in second


def test_the_failures_of_a_run_stay_failures_when_taken_away_twice(table: MoleculeTable, tmp_path: Path) -> None:
    ethanol = table.molecules[0]
    assert ethanol is not None
    failed = MoleculeRecord(ethanol, "CCO", iteration=0, worth=0.0, value=None, failure="crashed", stage="worker")
    good = MoleculeRecord(ethanol, "CCO", iteration=0, worth=0.5, value=0.5)
    path = tmp_path / "run.sdf"
    path.write_bytes(as_sdf(table_of_records([failed, good], "qed"), [0, 1]))
    (bad, one), again = read_molecules(path), table_of_file(path)
    assert "qed" not in bad.properties
    assert bad.properties["failure"] == "crashed"
    assert one.properties["qed"] == "0.5"
    assert as_sdf(again, [0, 1]) == path.read_bytes()


def test_hostile_texts_come_back_as_texts(tmp_path: Path) -> None:
    table = table_of_file(write_hostile(tmp_path / "hostile.sdf"))
    assert table.rows["id"].tolist() == list(TEXTS)
    again = tmp_path / "again.sdf"
    again.write_bytes(as_sdf(table, range(len(table))))
    assert table_of_file(again).rows["id"].tolist() == list(TEXTS)


def test_a_long_file_is_cut_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "long.smi").write_text("?\n" * (MOST_MOLECULES + 1))
    (tmp_path / "short.smi").write_text("?\n" * MOST_MOLECULES)
    for name, truncated in (("long", True), ("short", False)):
        table = table_of_file(tmp_path / f"{name}.smi")
        assert (len(table), table.truncated) == (MOST_MOLECULES, truncated)
