from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from molvm.chem.molecule import Molecule
from molvm.datasets.pack import pack
from molvm.datasets.store import MoleculeDataset
from molvm.evaluation.novelty import known_smiles

SYMBOLS = ("C", "H", "N", "O", "F")


@pytest.fixture
def saved(sound: list[Molecule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MoleculeDataset:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path))
    pack(sound, name="few", element_symbols=SYMBOLS, split=[0, 0, 0, 0, 0, 1, 2]).save(tmp_path / "few")
    return MoleculeDataset.load(tmp_path / "few")


def test_only_the_split_is_known(saved: MoleculeDataset) -> None:
    assert known_smiles(saved) == {"C", "CCO", "c1ccccc1", "CC(N)=O", "C[N+](C)(C)CC(=O)[O-]"}
    assert known_smiles(saved, "validation") == {"C#N"}


def test_the_second_answer_comes_from_the_cache_and_is_the_same(saved: MoleculeDataset, tmp_path: Path) -> None:
    first, calls = known_smiles(saved), []
    assert known_smiles(saved, progress=lambda done, total: calls.append(done)) == first
    assert not calls
    assert [path.name.startswith(".") for path in (tmp_path / "smiles").iterdir()] == [False]


def test_a_part_of_a_dataset_is_not_answered_from_the_cache_of_the_whole(saved: MoleculeDataset) -> None:
    known_smiles(saved)
    assert known_smiles(saved.select(saved.indices()[:2])) == {"C", "CCO"}


def test_a_dataset_that_was_never_saved_is_not_cached(saved: MoleculeDataset, tmp_path: Path) -> None:
    manifest = {key: value for key, value in saved.manifest.items() if key != "sha256"}
    known_smiles(replace(saved, manifest=manifest))
    assert not (tmp_path / "smiles").exists()
