from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molvm.chem.validity import SOUND
from molvm.datasets import geom as builder
from molvm.datasets.geom import build_geom
from molvm.datasets.geom_conformers import conformer_verdicts
from molvm.datasets.geom_layouts import find_layout
from molvm.datasets.geom_reader import read_portions
from molvm.datasets.record import Dropped
from molvm.datasets.store import ARRAY_DTYPES, MoleculeDataset
from molvm.errors import ConfigError, DatasetError, InputFileError, OutputExistsError
from tests.datasets.geom_files import (
    SMILES,
    SPLITS,
    broken,
    conformers,
    write_pickle_per_molecule,
    write_split_pickles,
)


@pytest.fixture(scope="session")
def pickles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_split_pickles(tmp_path_factory.mktemp("geom") / "midi")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pickle_per_molecule(tmp_path_factory.mktemp("geom") / "geom")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "CHUNK", 2)


def same(first: MoleculeDataset, second: MoleculeDataset) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ARRAY_DTYPES)


def test_split_pickles_come_out_whole(pickles: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    built = build_geom(
        pickles,
        tmp_path / "geom",
        trust_pickle=True,
        conformers=2,
        workers=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert built.source_index.tolist() == [number for number in range(len(SMILES)) for _ in range(2)]
    sizes = [2 * len(smiles) for smiles in SPLITS.values()]
    assert np.bincount(built.split).tolist() == sizes
    for index, number in enumerate(built.source_index.tolist()):
        molecule = built.molecule(index)
        assert molecule.smiles() == Chem.CanonSmiles(SMILES[number])
        assert SOUND(molecule) is None
        given = conformers(SMILES[number])[index % 2].GetConformer().GetPositions()
        np.testing.assert_allclose(molecule.positions - molecule.positions[0], given - given[0], atol=1e-5)
    assert set(np.unique(built.bonds).tolist()) == {0, 1, 2, 3}
    assert set(np.unique(built.charges).tolist()) == {-1, 0, 1}
    assert built.manifest["counts"]["kept"] == len(built)
    assert built.manifest["dropped"] == {}
    total = sum(file.stat().st_size for file in pickles.iterdir())
    assert seen[-1] == (total, total)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["geom"]


def test_a_pickle_per_molecule_gives_the_lowest_energies(folder: Path, tmp_path: Path) -> None:
    built = build_geom(folder, tmp_path / "geom", trust_pickle=True, conformers=1, workers=1)
    assert built.source_index.tolist() == list(range(len(SMILES)))
    for index, smiles in enumerate(SMILES):
        molecule = built.molecule(index)
        # The files list them with falling energies.
        given = conformers(smiles)[-1].GetConformer().GetPositions()
        np.testing.assert_allclose(molecule.positions - molecule.positions[0], given - given[0], atol=1e-5)
    every = build_geom(folder / "rdkit_folder", tmp_path / "all", trust_pickle=True, conformers=None, workers=2)
    assert len(every) == 3 * len(SMILES)


def test_conformers_of_a_molecule_are_in_one_split(tmp_path: Path) -> None:
    chains = tuple("C" * length for length in range(1, 21))
    source = write_pickle_per_molecule(tmp_path / "source", chains)
    built = build_geom(source, tmp_path / "geom", trust_pickle=True, workers=1)
    assert np.bincount(built.split).tolist() == [48, 6, 6]
    for number in range(20):
        assert len(set(built.split[built.source_index == number].tolist())) == 1


@pytest.mark.parametrize("layout", ["pickles", "folder"])
def test_nothing_is_opened_before_the_user_trusts_it(
    layout: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source = request.getfixturevalue(layout)
    with pytest.raises(ConfigError, match=r"a pickle can hold a program.*--trust-pickle"):
        build_geom(source, tmp_path / "geom")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", ["pickles", "folder"])
def test_an_interrupted_build_goes_on(layout: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    source = request.getfixturevalue(layout)
    whole = build_geom(source, tmp_path / "whole", trust_pickle=True, workers=1)
    calls: list[int] = []

    def interrupt(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_geom(source, tmp_path / "geom", trust_pickle=True, workers=1, progress=interrupt)
    chunks = sorted((tmp_path / "geom.chunks").glob("chunk-*"))
    assert chunks
    chunks[0].write_bytes(b"damaged")
    for other in ({"conformers": 1}, {"limit": 3}):
        with pytest.raises(DatasetError, match="begun with another"):
            build_geom(source, tmp_path / "geom", trust_pickle=True, workers=1, **other)
    assert same(build_geom(source, tmp_path / "geom", trust_pickle=True, workers=1), whole)
    assert not (tmp_path / "geom.chunks").exists()


def test_a_limit_is_of_each_pickle(pickles: Path, tmp_path: Path) -> None:
    built = build_geom(pickles, tmp_path / "geom", trust_pickle=True, limit=1, conformers=1, workers=1)
    assert np.bincount(built.split).tolist() == [1, 1, 1]
    assert [built.molecule(index).smiles() for index in range(3)] == ["CCO", "CS(C)=O", "O=C(F)Cl"]


DROPS = (
    "unknown_element",
    "fragmented",
    "charge_too_large",
    "no_conformer",
    "not_sanitised",
    "not_kekulised",
    "open_valence",
    "geometry_broken",
)


@pytest.mark.parametrize("reason", DROPS)
def test_what_is_dropped_and_why(reason: str) -> None:
    assert conformer_verdicts(3, [broken(reason).ToBinary()]) == [Dropped(3, reason)]  # type: ignore[arg-type]


def test_what_is_no_molecule_is_dropped() -> None:
    assert conformer_verdicts(3, [b"nonsense", b""])[0] == Dropped(3, "unreadable")
    assert conformer_verdicts(3, []) == [Dropped(3, "no_conformer")]


def test_drops_are_counted(tmp_path: Path) -> None:
    entries = [("CCO", conformers("CCO")), *((reason, [broken(reason)]) for reason in DROPS)]
    (tmp_path / "train_data.pickle").write_bytes(pickle.dumps(entries))
    built = build_geom(tmp_path, tmp_path / "geom", trust_pickle=True, workers=1)
    assert len(built) == 3
    assert built.manifest["dropped"] == dict.fromkeys(sorted(DROPS), 1)
    assert built.manifest["counts"]["rows_read"] == 3 + len(DROPS)


def test_missing_and_wrong_files_of_molecules_are_counted(tmp_path: Path) -> None:
    source = write_pickle_per_molecule(tmp_path / "source", SMILES[:5])
    inside = source / "rdkit_folder"
    summary = json.loads((inside / "summary_drugs.json").read_text())
    del summary[SMILES[0]]["pickle_path"]
    (inside / "summary_drugs.json").write_text(json.dumps(summary))
    (inside / "drugs" / "1.pickle").unlink()
    (inside / "drugs" / "2.pickle").write_bytes(b"mine")
    (inside / "drugs" / "3.pickle").write_bytes(pickle.dumps({"conformers": [{"rd_mol": "C"}]}))
    built = build_geom(source, tmp_path / "geom", trust_pickle=True, workers=1)
    assert set(built.source_index.tolist()) == {4}
    assert built.manifest["dropped"] == {"no_file": 2, "unreadable": 2}


@pytest.mark.parametrize(
    "content", [b"mine", pickle.dumps({"a": 1}), pickle.dumps([("C", ["C"])]), pickle.dumps(["C"])]
)
def test_another_pickle_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train_data.pickle").write_bytes(content)
    with pytest.raises(InputFileError, match=r"train_data\.pickle cannot be used.*a list of \(SMILES"):
        build_geom(tmp_path, tmp_path / "geom", trust_pickle=True, workers=1)
    assert not (tmp_path / "geom").exists()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"does not hold GEOM-Drugs.*train_data\.pickle"):
        build_geom(tmp_path, tmp_path / "geom", trust_pickle=True)


@pytest.mark.parametrize(
    ("summary", "message"),
    [("{", "cannot be read"), ("[]", "no summary"), ('{"C": 1}', "no summary")]
    + [(json.dumps({"C": {"pickle_path": path}}), "outside") for path in ("/etc/passwd", "drugs/../../x")],
)
def test_a_wrong_summary_is_refused(tmp_path: Path, summary: str, message: str) -> None:
    (tmp_path / "summary_drugs.json").write_text(summary)
    with pytest.raises(InputFileError, match=message):
        find_layout(tmp_path)


def test_nothing_is_overwritten(pickles: Path, tmp_path: Path) -> None:
    (tmp_path / "geom").mkdir()
    with pytest.raises(OutputExistsError):
        build_geom(pickles, tmp_path / "geom", trust_pickle=True)


@pytest.mark.parametrize("setting", [{"workers": 0}, {"conformers": -1}, {"limit": 0}])
def test_settings_that_mean_nothing_are_refused(pickles: Path, tmp_path: Path, setting: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="positive"):
        build_geom(pickles, tmp_path / "geom", trust_pickle=True, **setting)


def test_portions_that_are_known_are_not_handed_over(pickles: Path) -> None:
    portions = list(read_portions(pickles / "train_data.pickle", 2, known=frozenset({0, 2}), conformers=1))
    assert [(each.number, each.count) for each in portions] == [(0, 2), (1, 2), (2, 1)]
    assert [each.conformers is None for each in portions] == [True, False, True]
    content = portions[1].conformers
    assert content is not None
    assert [Chem.MolToSmiles(Chem.RemoveHs(Chem.Mol(each))) for (each,) in content] == [
        Chem.CanonSmiles(smiles) for smiles in SMILES[2:4]
    ]


def test_the_builder_opens_no_pickle_itself() -> None:
    code = "import sys; import molvm.datasets.geom; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
