from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molvm.chem.validity import is_valid_and_connected
from molvm.datasets import qm9 as builder
from molvm.datasets.qm9 import build_qm9, package_files, read_geometries
from molvm.datasets.split import shuffled_split
from molvm.datasets.store import ARRAY_DTYPES, MoleculeDataset
from molvm.errors import ConfigError, DatasetError, MissingDependencyError, OutputExistsError

ROWS = 240
# Atom counts and sizes of the splits of FlowMol's QM9 (raw rows, before ours drops any).
FLOWMOL_SPLIT_SIZES = [97_734, 20_042, 13_055]


def test_known_molecules_come_out(qm9: MoleculeDataset) -> None:
    smiles = {int(number): qm9.molecule(index).smiles() for index, number in enumerate(qm9.source_index)}
    known = {1: "C", 2: "N", 3: "O", 4: "C#C", 5: "C#N", 6: "C=O", 7: "CC", 8: "CO"}
    assert {number: smiles[number] for number in known} == known


def test_every_molecule_is_strictly_valid_and_connected(qm9: MoleculeDataset) -> None:
    assert all(is_valid_and_connected(qm9.molecule(index)) for index in range(len(qm9)))


def test_molecules_are_centred_and_keep_their_geometry(qm9: MoleculeDataset) -> None:
    geometries = {geometry.source_index: geometry for geometry in read_geometries(package_files()[:1])}
    for index in range(0, len(qm9), 7):
        molecule = qm9.molecule(index)
        np.testing.assert_allclose(molecule.positions.mean(axis=0), 0.0, atol=1e-6)
        source = geometries[int(qm9.source_index[index])]
        given = np.array(source.coordinates)
        np.testing.assert_allclose(molecule.positions - molecule.positions[0], given - given[0], atol=2e-6)
        periodic = Chem.GetPeriodicTable()
        assert [periodic.GetElementSymbol(z) for z in molecule.elements.tolist()] == list(source.symbols)


def test_the_manifest_accounts_for_every_row(qm9: MoleculeDataset) -> None:
    counts, dropped = qm9.manifest["counts"], qm9.manifest["dropped"]
    assert counts["rows_read"] == ROWS
    assert counts["kept"] + sum(dropped.values()) == ROWS
    assert counts["train"] + counts["validation"] + counts["test"] == counts["kept"] == len(qm9)
    assert qm9.manifest["source"]["version"]


def test_the_split_was_decided_before_anything_was_dropped(qm9: MoleculeDataset) -> None:
    decided = shuffled_split(133_885, 100_000, 13_388, seed=42)
    np.testing.assert_array_equal(qm9.split, decided[qm9.source_index - 1])


def test_the_raw_rows_fall_into_flowmols_splits() -> None:
    numbers = []
    for file in package_files():
        with file.open("rb") as stream:
            next(stream)
            numbers += [int(line.split(b",", 2)[1]) for line in stream]
    decided = shuffled_split(133_885, 100_000, 13_388, seed=42)
    assert np.bincount(decided[np.array(numbers) - 1]).tolist() == FLOWMOL_SPLIT_SIZES


def test_the_number_of_workers_changes_nothing(
    qm9: MoleculeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "CHUNK", 50)
    monkeypatch.setattr(builder, "CHUNKS_AHEAD", 1)
    seen: list[tuple[int, int]] = []
    built = build_qm9(tmp_path / "qm9", workers=2, limit=ROWS, progress=lambda done, total: seen.append((done, total)))
    for name in ARRAY_DTYPES:
        np.testing.assert_array_equal(getattr(built, name), getattr(qm9, name))
    assert seen == [(50, ROWS), (100, ROWS), (150, ROWS), (200, ROWS), (ROWS, ROWS)]


def test_nothing_is_overwritten_and_nothing_is_read_for_it(qm9_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "read_geometries", lambda files: pytest.fail("read although there is an output"))
    with pytest.raises(OutputExistsError):
        build_qm9(qm9_path, workers=1)


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"qm9pack.*molvm\[data\]"):
        build_qm9(tmp_path / "qm9")


@pytest.mark.parametrize("setting", [{"workers": 0}, {"limit": -1}])
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, setting: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="positive"):
        build_qm9(tmp_path / "qm9", **setting)


@pytest.mark.parametrize("column", ["XYZ_Ang", "N_atoms"])
def test_a_damaged_row_is_named(tmp_path: Path, column: str) -> None:
    row = {"Index": "1", "N_atoms": "2", "Elements": "['H','H']", "XYZ_Ang": "[[0.,0.,0.],[0.,0.,.7]]"}
    row[column] = row[column][:-4] + "x"
    file = tmp_path / "part.csv"
    file.write_text(",".join(row) + "\n" + ",".join(f'"{value}"' for value in row.values()) + "\n")
    with pytest.raises(DatasetError, match="Row 1"):
        list(read_geometries([file]))


def test_fewer_rows_than_the_package_has_are_no_qm9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = list(read_geometries(package_files()[:1]))[:5]
    monkeypatch.setattr(builder, "read_geometries", lambda files: iter(some))
    with pytest.raises(DatasetError, match="5 molecules"):
        build_qm9(tmp_path / "qm9", workers=1)
    assert not (tmp_path / "qm9").exists()


def test_building_needs_no_torch() -> None:
    code = "import sys; import molvm.datasets.qm9, molvm.datasets.pack; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
