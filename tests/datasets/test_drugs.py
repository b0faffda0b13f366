from __future__ import annotations

import gzip
import importlib.metadata
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molvm.chem import embed
from molvm.chem.relax import Criteria, relax
from molvm.chem.topology import changed_bonds
from molvm.chem.validity import SOUND
from molvm.datasets import drugs as builder
from molvm.datasets import from_smiles, moses
from molvm.datasets.chunks import ChunkFolder
from molvm.datasets.drugs import build_drugs
from molvm.datasets.from_smiles import embedded, make_molecule
from molvm.datasets.record import Dropped, MoleculeRecord
from molvm.datasets.store import ARRAY_DTYPES, MoleculeDataset
from molvm.errors import ConfigError, DatasetError, EngineError, MissingDependencyError, OutputExistsError

COUNT = 24


@pytest.fixture(scope="session")
def drugs_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("datasets") / "drugs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "CHUNK", 8)
        build_drugs(path, workers=1, count=COUNT)
    return path


@pytest.fixture(scope="session")
def drugs(drugs_path: Path) -> MoleculeDataset:
    return MoleculeDataset.load(drugs_path)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "CHUNK", 8)


@pytest.fixture(scope="session")
def smiles() -> list[str]:
    return moses.read_smiles(moses.package_files())


def same(first: MoleculeDataset, second: MoleculeDataset) -> bool:
    """Equal, but for the last digits of positions: sums come out by where in memory their terms lie."""
    exact = all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ARRAY_DTYPES.keys() - {"positions"}
    )
    return exact and np.allclose(first.positions, second.positions, rtol=0, atol=1e-5)


def test_every_molecule_is_the_one_of_its_row(drugs: MoleculeDataset, smiles: list[str]) -> None:
    for index, row in enumerate(drugs.source_index.tolist()):
        assert drugs.molecule(index).smiles() == Chem.CanonSmiles(smiles[row])


def test_every_molecule_is_sound_and_kekulised(drugs: MoleculeDataset) -> None:
    assert len(drugs) == COUNT
    assert drugs.elements == ("C", "H", "N", "O", "F", "P", "S", "Cl", "Br", "I")
    assert set(np.unique(drugs.bonds).tolist()) <= {0, 1, 2, 3}
    for index in range(len(drugs)):
        molecule = drugs.molecule(index)
        assert SOUND(molecule) is None
        assert changed_bonds(molecule, molecule.positions) == []
        np.testing.assert_allclose(molecule.positions.mean(axis=0), 0.0, atol=1e-5)


def test_a_loose_relaxation_is_near_a_converged_one(drugs: MoleculeDataset) -> None:
    for index in range(0, COUNT, 6):
        molecule = drugs.molecule(index)
        relaxed = relax(molecule).positions
        first, second = molecule.bonds.T
        before, after = (np.linalg.norm(x[first] - x[second], axis=1) for x in (molecule.positions, relaxed))
        assert np.sqrt(np.mean((before - after) ** 2)) < 0.01


def test_the_manifest_accounts_for_every_row(drugs: MoleculeDataset) -> None:
    counts, manifest = drugs.manifest["counts"], drugs.manifest
    beyond = counts["kept_but_beyond_the_limit"]
    assert counts["rows_read"] == COUNT + beyond + sum(manifest["dropped"].values())
    assert counts["train"] + counts["validation"] + counts["test"] == counts["kept"] == COUNT
    assert manifest["source"]["version"] == moses.VERSION
    assert manifest["method"]["relaxation"]["gradient"] == from_smiles.LOOSE.gradient
    assert "stand-in" in manifest["not_geom"]


def test_the_split_is_that_of_the_file() -> None:
    last_train, last_validation = 1_584_663 - 1, 1_584_663 + 176_074 - 1
    rows = np.array([0, last_train, last_train + 1, last_validation, last_validation + 1, 1_936_961], dtype=np.int32)
    assert moses.split_of(rows).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.usefixtures("small_chunks")
def test_the_number_of_workers_changes_nothing(drugs: MoleculeDataset, tmp_path: Path) -> None:
    assert same(build_drugs(tmp_path / "drugs", workers=2, count=COUNT), drugs)


@pytest.mark.usefixtures("small_chunks")
def test_fewer_are_the_first_and_another_seed_gives_others(drugs: MoleculeDataset, tmp_path: Path) -> None:
    assert same(build_drugs(tmp_path / "few", workers=1, count=3), drugs.select(np.arange(3)))
    other = build_drugs(tmp_path / "other", workers=1, count=3, seed=5)
    assert not set(other.source_index.tolist()) & set(drugs.source_index.tolist())


@pytest.mark.usefixtures("small_chunks")
def test_an_interrupted_build_goes_on(drugs: MoleculeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, made = tmp_path / "drugs", []

    def interrupt(done: int, total: int) -> None:
        made.append(done)
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            build_drugs(path, workers=1, count=COUNT, progress=interrupt)
    chunks = sorted(file.name for file in (tmp_path / "drugs.chunks").glob("chunk-*"))
    assert chunks == ["chunk-000000.parquet", "chunk-000001.parquet"]
    assert not path.exists()
    (tmp_path / "drugs.chunks" / chunks[0]).write_bytes(b"damaged")
    begun: list[int] = []
    original = builder.make_molecules

    def counted(job: from_smiles.SmilesJob) -> object:
        begun.append(job.number)
        return original(job)

    monkeypatch.setattr(builder, "make_molecules", counted)
    assert same(build_drugs(path, workers=1, count=COUNT), drugs)
    assert 0 in begun
    assert 1 not in begun
    assert sorted(file.name for file in tmp_path.iterdir()) == ["drugs"]


@pytest.mark.usefixtures("small_chunks")
def test_a_build_goes_on_with_its_own_settings_only(tmp_path: Path) -> None:
    recipe = {"method": from_smiles.method(3)}
    with ChunkFolder(tmp_path / "drugs.chunks", recipe).opened():
        pass
    with pytest.raises(DatasetError, match="another method"):
        build_drugs(tmp_path / "drugs", workers=1, count=1, seed=0)


def test_nothing_is_overwritten(drugs_path: Path) -> None:
    with pytest.raises(OutputExistsError):
        build_drugs(drugs_path, workers=1, count=1)


def test_a_missing_package_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", nowhere)
    with pytest.raises(MissingDependencyError, match=r"pip install --no-deps molsets==0.3.1"):
        build_drugs(tmp_path / "drugs")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", [{"workers": 0}, {"count": 0}, {"seed": -1}, {"seed": 2**32}])
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, setting: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        build_drugs(tmp_path / "drugs", **setting)


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"SMILES\nC\n"), gzip.compress(b"SMILES\nC\n")[:-9]],
    ids=["no gzip", "another column", "cut short"],  # compressed bytes have the time in them
)
def test_a_damaged_package_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "train.csv.gz"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=r"train\.csv\.gz"):
        moses.read_smiles({**moses.package_files(), "train": file})


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C1CC", "unreadable"),
        ("", "unreadable"),
        ("C[SiH3]", "unknown_element"),
        ("[Na+].[Cl-]", "unknown_element"),
        ("C.C", "fragmented"),
        ("[CH3]", "open_valence"),
        ("C" * 90, "too_large"),
    ],
)
def test_what_is_dropped_and_why(smiles: str, reason: str) -> None:
    assert make_molecule(smiles, 4, 0) == Dropped(4, reason)


@pytest.mark.parametrize("outcome", [-1, RuntimeError("no")])
def test_what_cannot_be_embedded_is_dropped(monkeypatch: pytest.MonkeyPatch, outcome: object) -> None:
    def fails(*_: object) -> int:
        if isinstance(outcome, Exception):
            raise outcome
        return -1

    monkeypatch.setattr(embed.rdDistGeom, "EmbedMolecule", fails)
    assert make_molecule("CCO", 4, 0) == Dropped(4, "not_embedded")


def test_charges_are_kept() -> None:
    record = make_molecule("C[N+](C)(C)CC(=O)[O-]", 0, 0)
    assert isinstance(record, MoleculeRecord)
    assert sorted(record.charges[record.charges != 0].tolist()) == [-1, 1]


def test_a_relaxation_that_fails_or_moves_bonds_drops_the_molecule(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_molecule("CCO", 1, 0, Criteria(max_steps=1)) == Dropped(1, "not_relaxed")
    genuine = relax

    def torn(molecule: object, criteria: Criteria) -> object:
        return replace(genuine(molecule, criteria), changed_bonds=((0, 1),))

    monkeypatch.setattr(from_smiles, "relax", torn)
    assert make_molecule("CCO", 1, 0) == Dropped(1, "topology_changed")

    def fails(molecule: object, criteria: Criteria) -> object:
        raise EngineError("no")

    monkeypatch.setattr(from_smiles, "relax", fails)
    assert make_molecule("CCO", 1, 0) == Dropped(1, "not_relaxed")


def test_an_embedding_depends_on_row_and_seed_alone() -> None:
    first, again, other = (embedded("CCCCO", row, 0) for row in (1, 1, 2))
    assert not any(isinstance(each, str) for each in (first, again, other))
    np.testing.assert_array_equal(first.positions, again.positions)
    assert np.abs(first.positions - other.positions).max() > 0.1


def test_building_needs_no_torch() -> None:
    code = "import sys; import molvm.datasets.drugs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
