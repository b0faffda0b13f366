from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from molvm.chem.io import read_molecules
from molvm.chem.molecule import Molecule
from molvm.errors import InputFileError, OutputExistsError
from molvm.rewards.base import Failure, Outcome
from molvm.rewards.constraint import Constraint
from molvm.runs.directory import RunDirectory
from molvm.runs.image_records import ImageRecord
from molvm.runs.molecule_records import MoleculeRecord
from molvm.runs.records import Record
from molvm.runs.store import RunStore
from molvm.training.trainer import Iteration


def molecule(element: int, hydrogens: int) -> Molecule:
    """A central atom with hydrogens along the axes."""
    axes = np.concatenate([np.eye(3), -np.eye(3)])[:hydrogens]
    return Molecule(
        elements=np.array([element] + [1] * hydrogens),
        positions=np.concatenate([np.zeros((1, 3)), 1.1 * axes]) + 1 / 3,
        formal_charges=np.zeros(hydrogens + 1),
        bonds=np.array([[0, i] for i in range(1, hydrogens + 1)]),
        orders=np.ones(hydrogens),
    )


METHANE, AMMONIA, WATER, METHYL = molecule(6, 4), molecule(7, 3), molecule(8, 2), molecule(6, 3)


def iteration(index: int, molecules: list[Molecule], values: list[float | None]) -> Iteration:
    outcomes = [
        Outcome(m.id, value, failure=None if value is not None else Failure("failed", "stage", "why"), seconds=0.5)
        for m, value in zip(molecules, values, strict=True)
    ]
    rewards = torch.tensor([0.0 if value is None else value for value in values])
    return Iteration(index, {"loss": index / 3}, molecules, outcomes, rewards, rewards / 2)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path / "run")
    made.begin()
    return made


@pytest.fixture
def store(directory: RunDirectory) -> RunStore:
    store = RunStore(directory, "score")
    store.append(iteration(0, [METHANE, WATER, METHYL], [1.0, 2.0, None]))
    store.append(iteration(1, [AMMONIA, WATER, METHANE], [0.5, 1.5, 3.0]))
    return store


def test_molecules_come_back_bit_for_bit(store: RunStore) -> None:
    records = list(store.records())
    assert [record.molecule.id for record in records] == ["0-0", "0-1", "0-2", "1-0", "1-1", "1-2"]
    for record, original in zip(records, [METHANE, WATER, METHYL, AMMONIA, WATER, METHANE], strict=True):
        for name in ("elements", "positions", "formal_charges", "bonds", "orders"):
            np.testing.assert_array_equal(getattr(record.molecule, name), getattr(original, name))
    assert [record.value for record in records] == [1.0, 2.0, None, 0.5, 1.5, 3.0]
    assert (records[2].failure, records[2].stage, records[2].reason) == ("failed", "stage", "why")
    assert records[0].smiles == "C"
    assert records[4].log_weight == 0.75


def test_the_best_are_within_bounds(directory: RunDirectory) -> None:
    store = RunStore(directory, "score", [Constraint("heavy", None)])
    report = iteration(0, [METHANE, WATER, AMMONIA, METHYL], [3.0, 2.0, 1.0, None])
    excesses = [0.5, 0.0, -1.0, 9.0]
    outcomes = [replace(each, details={"heavy": e}) for each, e in zip(report.outcomes, excesses, strict=True)]
    store.append(replace(report, outcomes=outcomes))
    assert [record.within_bounds for record in store.records()] == [False, True, True, None]
    assert [record.details["heavy"] for record in store.records()] == excesses
    assert [record.smiles for record in store.best(9)] == ["O", "N"]
    assert [best.properties["smiles"] for best in read_molecules(directory.best)] == ["O", "N"]


def test_records_without_details_are_read(store: RunStore) -> None:
    row = next(iter(store.records())).row()
    del row["details"], row["within_bounds"]
    record = MoleculeRecord.from_row(row)
    assert (record.details, record.within_bounds) == ({}, None)


def test_an_empty_molecule_survives(directory: RunDirectory) -> None:
    nothing = Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[])
    RunStore(directory, "score").append(iteration(0, [nothing], [None]))
    record = next(RunStore(directory, "score").records())
    assert record.molecule.n_atoms == 0


@pytest.mark.parametrize("kind", [MoleculeRecord, ImageRecord])
def test_columns_are_explained(kind: type[Record]) -> None:
    assert all(field.metadata[b"description"] for field in kind.schema())


def test_metrics_are_read_up_to_a_torn_line(store: RunStore, directory: RunDirectory) -> None:
    with directory.metrics.open("a") as file:
        file.write('{"iteration": 2, "lo')
    assert [row["iteration"] for row in store.metrics()] == [0, 1]
    store.rewind(2)
    assert directory.metrics.read_text().count("\n") == 2
    assert store.metrics()[1]["loss"] == 1 / 3


def test_rewinding_forgets_what_comes_again(store: RunStore, directory: RunDirectory) -> None:
    store.rewind(1)
    assert [row["iteration"] for row in store.metrics()] == [0]
    assert {record.iteration for record in store.records()} == {0}
    assert [record.id for record in read_molecules(directory.best)] == ["0-1", "0-0"]
    store.append(iteration(1, [METHANE], [9.0]))
    assert [record.id for record in read_molecules(directory.best)] == ["1-0", "0-1"]


def test_the_best_are_one_a_smiles_and_without_failures(store: RunStore, directory: RunDirectory) -> None:
    best = read_molecules(directory.best)
    assert [(record.id, record.properties["score"]) for record in best] == [
        ("1-2", "3.0"),
        ("0-1", "2.0"),
        ("1-0", "0.5"),
    ]
    assert [record.molecule.id for record in store.best(2)] == ["1-2", "0-1"]


def test_the_best_of_many_are_those_of_a_sort(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pile is pruned on the way; nothing that belongs to the best may get lost."""
    monkeypatch.setattr("molvm.runs.store.PRUNE_FACTOR", 1)
    chosen = np.random.default_rng(3)
    store = RunStore(directory, "score")
    best: dict[str, float] = {}
    records = []
    for _ in range(300):
        smiles, worth = f"S{chosen.integers(60)}", float(chosen.random())
        records.append(MoleculeRecord(METHANE, smiles, iteration=0, worth=worth, value=worth))
        best[smiles] = max(best.get(smiles, 0.0), worth)
    monkeypatch.setattr(store, "records", lambda: iter(records))
    assert [record.worth for record in store.best(5)] == sorted(best.values(), reverse=True)[:5]


@pytest.mark.parametrize("folder", ["molecules", "metrics.jsonl", "best.sdf"])
def test_a_run_that_cannot_be_written_any_more_is_named(directory: RunDirectory, folder: str) -> None:
    target = directory.path / folder
    if folder == "molecules":
        target.rmdir()
    else:
        target.mkdir()
    with pytest.raises(OutputExistsError, match=f"{folder}.* cannot be written.*--resume"):
        RunStore(directory, "score").append(iteration(0, [METHANE], [1.0]))


def test_a_damaged_part_is_named(store: RunStore, directory: RunDirectory) -> None:
    (directory.samples("molecules") / "iteration-000001.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(InputFileError, match=r"iteration-000001\.parquet"):
        list(store.records())
