from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from molvm.datasets.directory import ARRAYS_FILE, MANIFEST_FILE
from molvm.datasets.store import ARRAY_DTYPES, MoleculeDataset
from molvm.errors import DatasetError, OutputExistsError


def same(first: MoleculeDataset, second: MoleculeDataset) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ARRAY_DTYPES)


def test_a_saved_dataset_is_read_back_bit_for_bit(dataset: MoleculeDataset, tmp_path: Path) -> None:
    dataset.save(tmp_path / "a" / "data")
    loaded = MoleculeDataset.load(tmp_path / "a" / "data")
    assert same(loaded, dataset)
    assert loaded.elements == ("C", "H", "N", "O", "F")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["data"], "nothing temporary is left"


def test_nothing_is_overwritten(dataset: MoleculeDataset, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(OutputExistsError):
        dataset.save(tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_failure_while_writing_leaves_nothing(dataset: MoleculeDataset, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        replace(dataset, manifest={**dataset.manifest, "unwritable": {1, 2}}).save(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_one_flipped_bit_is_noticed(dataset: MoleculeDataset, tmp_path: Path) -> None:
    dataset.save(tmp_path / "data")
    file = tmp_path / "data" / ARRAYS_FILE
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(DatasetError, match="damaged"):
        MoleculeDataset.load(tmp_path / "data")


@pytest.mark.parametrize("name", [ARRAYS_FILE, MANIFEST_FILE])
def test_a_missing_file_is_named(dataset: MoleculeDataset, tmp_path: Path, name: str) -> None:
    dataset.save(tmp_path / "data")
    (tmp_path / "data" / name).unlink()
    with pytest.raises(DatasetError, match=name):
        MoleculeDataset.load(tmp_path / "data")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"format": "other"}, "no manifest"), ({"format_version": 99}, "99"), ({"sha256": {}}, "damaged")],
)
def test_a_foreign_manifest_is_refused(
    dataset: MoleculeDataset, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    dataset.save(tmp_path / "data")
    file = tmp_path / "data" / MANIFEST_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(DatasetError, match=message):
        MoleculeDataset.load(tmp_path / "data")


def test_a_manifest_that_is_not_json_is_refused(dataset: MoleculeDataset, tmp_path: Path) -> None:
    dataset.save(tmp_path / "data")
    (tmp_path / "data" / MANIFEST_FILE).write_text("{")
    with pytest.raises(DatasetError, match="not JSON"):
        MoleculeDataset.load(tmp_path / "data")


def test_a_place_that_cannot_be_written_is_named(dataset: MoleculeDataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExistsError, match="cannot be written"):
        dataset.save(tmp_path / "file" / "data")


def test_arrays_that_do_not_fit_together_are_refused(dataset: MoleculeDataset) -> None:
    with pytest.raises(DatasetError, match="bonds"):
        replace(dataset, bonds=dataset.bonds[:-1])
    with pytest.raises(DatasetError, match="charges"):
        replace(dataset, charges=dataset.charges.astype(np.int64))
    with pytest.raises(DatasetError, match="atom type 5"):
        replace(dataset, types=np.full_like(dataset.types, 5))


def test_a_batch_holds_each_molecule_where_the_flat_arrays_have_it(dataset: MoleculeDataset) -> None:
    for size in dataset.size_histogram()[0].tolist():
        indices = dataset.indices(size=size)[::-1]
        batch = dataset.gather(indices)
        for row, index in enumerate(indices.tolist()):
            atoms = slice(int(dataset.n_atoms[:index].sum()), int(dataset.n_atoms[: index + 1].sum()))
            np.testing.assert_array_equal(batch.positions[row], dataset.positions[atoms])
            np.testing.assert_array_equal(batch.types[row], dataset.types[atoms])
            np.testing.assert_array_equal(batch.charges[row], dataset.charges[atoms])
            first_pair = sum(n * (n - 1) // 2 for n in dataset.n_atoms[:index].tolist())
            pairs = iter(dataset.bonds[first_pair:].tolist())
            for i in range(size):
                for j in range(i + 1, size):
                    assert batch.bonds[row, i, j] == next(pairs)


def test_bonds_of_a_batch_are_symmetric_without_diagonal(dataset: MoleculeDataset) -> None:
    batch = dataset.gather(dataset.indices(size=5))
    np.testing.assert_array_equal(batch.bonds, batch.bonds.swapaxes(1, 2))
    assert not np.diagonal(batch.bonds, axis1=1, axis2=2).any()


def test_a_batch_has_one_size(dataset: MoleculeDataset) -> None:
    with pytest.raises(DatasetError, match="one atom count"):
        dataset.gather(np.array([dataset.indices(size=3)[0], dataset.indices(size=4)[0]]))
    with pytest.raises(DatasetError):
        dataset.gather(np.array([], dtype=np.int64))


def test_the_splits_cover_the_dataset_once(dataset: MoleculeDataset) -> None:
    parts = [dataset.indices(name) for name in ("train", "validation", "test")]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(dataset)))
    assert sum(len(dataset.subset(name)) for name in ("train", "validation", "test")) == len(dataset)
    assert set(dataset.subset("test").split.tolist()) == {2}


def test_an_unknown_split_is_refused(dataset: MoleculeDataset) -> None:
    with pytest.raises(DatasetError, match="train, validation, test"):
        dataset.subset("valid")


def test_selecting_is_composing(dataset: MoleculeDataset) -> None:
    generator = np.random.default_rng(2)
    first, second = generator.permutation(len(dataset))[:20], generator.permutation(20)[:7]
    assert same(dataset.select(first).select(second), dataset.select(first[second]))
    assert same(dataset.select(np.arange(len(dataset))), dataset)
    assert len(dataset.select(np.array([], dtype=np.int64))) == 0


def test_the_size_histogram_counts_everything(dataset: MoleculeDataset) -> None:
    sizes, counts = dataset.size_histogram()
    assert counts.sum() == len(dataset)
    assert (sizes * counts).sum() == len(dataset.positions)
    by_split = sum(dataset.size_histogram(name)[1].sum() for name in ("train", "validation", "test"))
    assert by_split == len(dataset)


def test_there_is_no_molecule_past_the_end(dataset: MoleculeDataset) -> None:
    for index in (-1, len(dataset)):
        with pytest.raises(IndexError):
            dataset.molecule(index)
