from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from molvm.datasets import data_home, dataset_path, load_dataset
from molvm.datasets.registry import described
from molvm.datasets.store import MoleculeDataset
from molvm.errors import DatasetError, UnknownNameError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path))
    return tmp_path


def test_the_home_is_where_the_environment_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_home() == home
    assert dataset_path("qm9") == home / "datasets" / "qm9"
    monkeypatch.delenv("MOLVM_HOME")
    assert data_home() == Path.home() / ".cache" / "molvm"


def test_a_built_dataset_is_found_by_name(home: Path, qm9_path: Path, qm9: MoleculeDataset) -> None:
    shutil.copytree(qm9_path, dataset_path("qm9"))
    assert len(load_dataset("qm9")) == len(qm9)


def test_an_unbuilt_dataset_says_how_to_build_it(home: Path) -> None:
    with pytest.raises(DatasetError, match="molvm data qm9"):
        load_dataset("qm9")


def test_a_misspelt_dataset_gets_the_nearest_name(home: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'qm9'"):
        load_dataset("qm-9")


def test_an_unbuilt_dataset_that_needs_files_says_so(home: Path) -> None:
    with pytest.raises(DatasetError, match="molvm data geom FOLDER --trust-pickle"):
        load_dataset("geom")


def test_a_line_says_what_there_is(home: Path, qm9_path: Path, qm9: MoleculeDataset) -> None:
    assert described("qm9") == "not built: molvm data qm9"
    shutil.copytree(qm9_path, dataset_path("qm9"))
    assert described("qm9").startswith(f"{len(qm9)} molecules (")
    (dataset_path("qm9") / "manifest.json").write_text("[]")
    assert described("qm9").startswith("damaged")
