"""A Parquet file has all that the dataset has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from molvm.datasets.export import MANIFEST_KEY, write_parquet
from molvm.datasets.split import split_code
from molvm.datasets.store import MoleculeDataset
from molvm.errors import OutputExistsError


def test_every_molecule_and_the_manifest_are_in_it(
    qm9: MoleculeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("molvm.datasets.export.ROWS_AT_ONCE", 7)
    write_parquet(qm9, tmp_path / "qm9.parquet")
    table = pq.read_table(tmp_path / "qm9.parquet")
    assert json.loads(table.schema.metadata[MANIFEST_KEY]) == json.loads(json.dumps(qm9.manifest))
    rows = table.to_pylist()
    assert len(rows) == len(qm9)
    for index, row in enumerate(rows):
        molecule = qm9.molecule(index)
        assert row["source_index"] == qm9.source_index[index]
        assert split_code(row["split"]) == qm9.split[index]
        assert row["smiles"] == molecule.smiles()
        assert row["elements"] == molecule.elements.tolist()
        assert row["formal_charges"] == molecule.formal_charges.tolist()
        np.testing.assert_array_equal(np.reshape(row["positions"], (-1, 3)), molecule.positions)
        assert np.reshape(row["bonds"], (-1, 2)).tolist() == molecule.bonds.tolist()
        assert row["orders"] == molecule.orders.tolist()


def test_nothing_is_overwritten_unasked(qm9: MoleculeDataset, tmp_path: Path) -> None:
    (tmp_path / "qm9.parquet").write_text("mine")
    with pytest.raises(OutputExistsError):
        write_parquet(qm9, tmp_path / "qm9.parquet")
    assert (tmp_path / "qm9.parquet").read_text() == "mine"
    write_parquet(qm9, tmp_path / "qm9.parquet", overwrite=True)
    assert pq.read_metadata(tmp_path / "qm9.parquet").num_rows == len(qm9)
