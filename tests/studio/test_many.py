"""Ten thousand molecules, and large ones: what is dear is done once, and only what is shown is drawn."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from molvm.chem.formats.sdf import sdf_text
from molvm.chem.io import iterate_records, write_sdf
from molvm.chem.validity import is_valid_and_connected
from molvm.evaluation.descriptors import describe
from molvm.rewards.base import Outcome
from molvm.runs.directory import RunDirectory
from molvm.runs.groups import base_and_run, rounds_of_groups
from molvm.runs.store import RunStore
from molvm.studio import molecule_table, structures
from molvm.studio.judging import Judge
from molvm.studio.molecule_table import Filter, MoleculeTable, ordered, table_of_file, table_of_records
from tests.studio.conftest import OpenPage
from tests.studio.many import peptide, qm9_molecules, write_run

SHOWN = 24
"""Molecules on a page of the gallery."""

LOGIC_SECONDS = 1.5
"""Of processor time that a page may take once its file is read; a fifth of it is usual."""


def write_many(path: Path, count: int) -> Path:
    """So many records, of which some hundred are different and the others are called the same."""
    texts = [sdf_text(molecule) for molecule in qm9_molecules(200)]
    path.write_text("".join(islice(cycle(texts), count)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> MoleculeTable:
    return table_of_file(write_many(tmp_path_factory.mktemp("many") / "many.sdf", 400))


def counting(counts: Counter[str], name: str, function: Any) -> Any:
    def counted(*arguments: Any, **settings: Any) -> Any:
        counts[name] += 1
        return function(*arguments, **settings)

    return counted


def test_molecules_that_are_called_the_same_are_told_apart(table: MoleculeTable) -> None:
    assert table.ids[:2] == ["m0", "m1"]
    assert table.ids[200:202] == ["m0 (2)", "m1 (2)"]
    assert len(set(table.ids)) == len(table)


def test_each_molecule_is_examined_once(table: MoleculeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = replace(table, structures=structures.Structures(table.molecules, table.structures.smiles))
    counts: Counter[str] = Counter()
    monkeypatch.setattr(structures, "is_valid_and_connected", counting(counts, "sound", is_valid_and_connected))
    monkeypatch.setattr(structures, "_pattern", counting(counts, "pattern", structures._pattern))
    monkeypatch.setattr(structures, "describe", counting(counts, "described", describe))
    wanted = Filter(sound=True, smarts="[#8]", distinct=True)
    first = wanted(fresh)
    assert wanted(fresh.described()) == wanted(fresh.described()) == first
    assert counts == {"sound": len(table), "pattern": 1, "described": len(table)}
    assert 0 < len(first) < 200


def test_the_answers_are_those_of_each_molecule_alone(table: MoleculeTable) -> None:
    assert table.structures.sound.tolist() == [
        one is not None and is_valid_and_connected(one) for one in table.molecules
    ]
    for index in Filter(smarts="[NX3]")(table):
        assert "N" in str(table.rows["smiles"][index]).upper()


def test_descriptors_go_on_where_they_were_interrupted(table: MoleculeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = replace(table, structures=structures.Structures(table.molecules, table.structures.smiles))
    counts: Counter[str] = Counter()
    monkeypatch.setattr(structures, "describe", counting(counts, "described", describe))

    def interrupt(done: int, total: int) -> None:
        assert total == len(table)
        if done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fresh.described(interrupt)
    assert counts["described"] == 100
    done = fresh.described()
    assert counts["described"] == len(table)
    assert done.rows["qed"].equals(table.described().rows["qed"])


def test_a_gallery_draws_a_page_and_reads_a_file_once(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_many(tmp_path / "some.sdf", 300)
    counts: Counter[str] = Counter()
    monkeypatch.setattr(molecule_table, "iterate_records", counting(counts, "read", iterate_records))
    page = open_page("gallery")
    for smarts in ("[#8]", "[#7]", ""):
        page.text_input(key="smarts").set_value(smarts).run()
        assert len([box for box in page.checkbox if str(box.key).startswith("pick ")]) == SHOWN
        assert not page.exception
    assert counts["read"] == 1
    assert "**300** of 300" in page.markdown[0].value
    page.number_input(key="page").set_value(13).run()
    assert len([box for box in page.checkbox if str(box.key).startswith("pick ")]) == 300 - 12 * SHOWN
    page.text_input(key="smarts").set_value("[#7]").run()
    assert not page.exception


def test_a_large_molecule_is_shown_before_it_is_relaxed(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sdf(tmp_path / "large.sdf", [peptide()])
    promise: Future[Outcome] = Future()
    monkeypatch.setattr(Judge, "ask", lambda *_: promise)
    page = open_page("molecule")
    assert not page.exception
    assert f"Relaxing {peptide().n_atoms} atoms" in page.info[0].value
    assert page.code[0].value == peptide().smiles()
    promise.set_result(Outcome("peptide", 3.0, "kcal/mol"))
    page.run()
    assert not page.info
    assert not page.exception


def test_a_comparison_reads_the_rounds_that_it_shows(tmp_path: Path) -> None:
    store = RunStore(RunDirectory(write_run(tmp_path / "run", qm9_molecules(160), 8)), "qed")
    metrics = store.metrics()
    rounds = rounds_of_groups(metrics)
    assert len(rounds) == 10 + 3
    some = list(store.records(among=rounds))
    assert {record.iteration for record in some} == rounds
    whole = base_and_run("run", metrics, store.records())
    for one, other in zip(base_and_run("run", metrics, some), whole, strict=True):
        assert [each.molecule.id for each in one.records] == [each.molecule.id for each in other.records]


def test_a_long_table_of_scores_is_shown(open_page: OpenPage, tmp_path: Path) -> None:
    scores = tmp_path / ".studio" / "scores"
    scores.mkdir(parents=True)
    rows = [f"m{number},C,{number}.5,{'invalid' if number % 10 == 0 else ''},,0.1" for number in range(10_000)]
    (scores / "abc.csv").write_text("\n".join(["id,smiles,qed,failure,reason,seconds", *rows]) + "\n")
    page = open_page("score", {"scores": "abc"})
    assert not page.exception
    assert [metric.value for metric in page.metric] == ["10000", "9000", "1000"]
    page.toggle(key="failures").set_value(True).run()
    assert len(page.dataframe[0].value) == 1_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "run"])
def test_pages_answer_at_once_when_ten_thousand_molecules_are_read(
    open_page: OpenPage, tmp_path: Path, kind: str
) -> None:
    if kind == "file":
        write_many(tmp_path / "many.sdf", 10_000)
    else:
        write_run(tmp_path / "many", list(islice(cycle(qm9_molecules(200)), 10_000)), 250)
    gallery = open_page("gallery")
    assert "**10000** of 10000" in gallery.markdown[0].value
    gallery.checkbox(key="valid").set_value(True)
    gallery.text_input(key="smarts").set_value("[#8]").run()
    assert seconds(gallery) < LOGIC_SECONDS
    gallery.text_input(key="smarts").set_value("[#7;R]")
    assert seconds(gallery) < LOGIC_SECONDS
    molecule = open_page("molecule")
    molecule.toggle(key="relax").set_value(False).run()
    assert seconds(molecule) < LOGIC_SECONDS
    if kind == "run":
        assert seconds(open_page("compare")) < LOGIC_SECONDS


def seconds(page: AppTest) -> float:
    """Of processor time that a page takes to be made again."""
    start = time.process_time()
    page.run()
    assert not page.exception
    return time.process_time() - start


def test_a_run_of_many_molecules_is_a_table(tmp_path: Path) -> None:
    store = RunStore(RunDirectory(write_run(tmp_path / "run", qm9_molecules(200), 50)), "qed")
    found = table_of_records(store.records(), "qed")
    assert len(found) == 200
    assert found.rows["failure"].notna().sum() == 20
    values = [found.rows["qed"][index] for index in ordered(found, "qed", descending=True)][:180]
    assert values == sorted(values, reverse=True)
