from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from molvm.datasets.assembly import assemble
from molvm.datasets.chunks import RECIPE_FILE, ChunkFolder, Tally
from molvm.datasets.record import Dropped, MoleculeRecord, Verdict
from molvm.errors import DatasetError, OutputExistsError

MANIFEST = {"name": "numbers", "element_symbols": ["C", "H"], "atomic_numbers": [6, 1]}


def record(source_index: int, n: int) -> MoleculeRecord:
    generator = np.random.default_rng(source_index)
    return MoleculeRecord(
        source_index=source_index,
        positions=generator.normal(size=(n, 3)).astype(np.float32),
        types=generator.integers(0, 2, size=n).astype(np.uint8),
        charges=generator.integers(-1, 2, size=n).astype(np.int8),
        bonds=generator.integers(0, 4, size=n * (n - 1) // 2).astype(np.uint8),
    )


VERDICTS: list[Verdict] = [record(7, 3), Dropped(8, "fragmented"), record(9, 5), record(3, 1)]


@pytest.fixture
def folder(tmp_path: Path) -> ChunkFolder:
    made = ChunkFolder(tmp_path / "a" / "data.chunks", {"seed": 1, "pair": (1, 2)})
    with made.opened():
        return made


def train(rows: np.ndarray) -> np.ndarray:
    return np.zeros(len(rows), dtype=np.uint8)


def test_a_chunk_is_read_back_bit_for_bit(folder: ChunkFolder) -> None:
    assert folder.publish(4, VERDICTS) == Tally(3, {"fragmented": 1})
    chunk = folder.read(4)
    kept = [each for each in VERDICTS if isinstance(each, MoleculeRecord)]
    assert chunk.source_index.tolist() == [7, 9, 3]
    assert chunk.n_atoms.tolist() == [3, 5, 1]
    assert (chunk.kept, chunk.rows, chunk.dropped) == (3, 4, {"fragmented": 1})
    for name, array in chunk.arrays.items():
        np.testing.assert_array_equal(array, np.concatenate([getattr(each, name) for each in kept]))
        assert array.dtype == getattr(kept[0], name).dtype
    assert folder.finished() == {4: Tally(3, {"fragmented": 1})}


def test_a_chunk_of_which_nothing_is_kept_is_a_chunk(folder: ChunkFolder) -> None:
    folder.publish(0, [Dropped(0, "unreadable")])
    assert folder.read(0).kept == 0
    with pytest.raises(DatasetError, match="None of 1 molecules could be kept: unreadable 1"):
        assemble(folder, [0], split_of=train, manifest=MANIFEST)


@pytest.mark.parametrize("damage", ["cut short", "flipped", "swapped", "empty", "foreign"])
def test_a_damaged_chunk_is_noticed_and_made_again(
    folder: ChunkFolder, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder.publish(0, VERDICTS)
    folder.publish(1, [record(1, 30)])
    file = folder.file(1)
    content = bytearray(file.read_bytes())
    # One bit of the atoms' coordinates, in the middle of the first column of numbers.
    content[len(content) // 8] ^= 16
    file.write_bytes(
        {
            "cut short": bytes(content[:-9]),
            "flipped": bytes(content),
            "swapped": folder.file(0).read_bytes(),
            "empty": b"",
            "foreign": b"mine",
        }[damage]
    )
    with pytest.raises(DatasetError, match="damaged"):
        folder.read(1)
    assert list(folder.finished()) == [0]
    assert "made again" in caplog.text
    assert not file.exists()


def opened(path: Path, recipe: dict[str, object]) -> None:
    with ChunkFolder(path, recipe).opened():
        pass


def test_only_the_same_recipe_goes_on(folder: ChunkFolder) -> None:
    opened(folder.path, {"seed": 1, "pair": (1, 2)})
    with pytest.raises(DatasetError, match="another method, pair, seed"):
        opened(folder.path, {"seed": 2, "method": "x"})
    (folder.path / RECIPE_FILE).write_text("{")
    with pytest.raises(DatasetError, match="cannot be read"):
        opened(folder.path, folder.recipe)


def test_one_build_at_a_time(folder: ChunkFolder) -> None:
    with folder.opened(), pytest.raises(OutputExistsError, match="Another process is building in"):
        opened(folder.path, folder.recipe)
    opened(folder.path, folder.recipe)


def test_a_place_that_cannot_be_written_is_named(folder: ChunkFolder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExistsError, match="cannot be written"):
        opened(tmp_path / "file" / "chunks", {})
    folder.remove()
    with pytest.raises(OutputExistsError, match="cannot be written"):
        folder.publish(0, VERDICTS)


def test_half_a_file_is_no_chunk(folder: ChunkFolder) -> None:
    # What a process leaves that is killed while it writes.
    (folder.path / f".{folder.file(0).name}.12ab.part").write_bytes(os.urandom(30))
    assert folder.finished() == {}


def test_chunks_are_put_together_in_order(folder: ChunkFolder) -> None:
    folder.publish(1, [record(5, 2)])
    folder.publish(0, VERDICTS)
    built = assemble(folder, [0, 1], split_of=train, manifest=MANIFEST)
    assert built.source_index.tolist() == [7, 9, 3, 5]
    assert built.manifest["dropped"] == {"fragmented": 1}
    assert built.manifest["counts"] == {
        "rows_read": 5,
        "kept": 4,
        "kept_but_beyond_the_limit": 0,
        "train": 4,
        "validation": 0,
        "test": 0,
    }
    first = assemble(folder, [0, 1], split_of=train, manifest=MANIFEST, limit=2)
    assert first.source_index.tolist() == [7, 9]
    assert first.manifest["counts"]["kept_but_beyond_the_limit"] == 2
