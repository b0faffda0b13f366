"""`molvm evaluate`, on whatever it may be pointed at."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom
from typer.main import get_command

from molvm.chem.io import read_molecules, write_sdf
from molvm.chem.molecule import Molecule
from molvm.cli.app import app
from molvm.evaluation import summarise
from molvm.evaluation.examination import TIME_LIMIT
from molvm.models.hub import save_model
from tests.cli.conftest import Molvm
from tests.runs.tiny import tiny_model

WIDTH = 80


@pytest.fixture(autouse=True)
def _no_datasets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))


@pytest.fixture
def broken_sdf(tmp_path: Path) -> Path:
    """Ethanol, a methyl radical, water and ammonia in one record, nothing, and a record that is none."""
    (tmp_path / "in.smi").write_text("CCO\nO.N\n")
    ethanol, pair = (record.molecule for record in read_molecules(tmp_path / "in.smi"))
    assert ethanol is not None
    assert pair is not None
    radical = Molecule(
        elements=[6, 1, 1, 1],
        positions=[[0, 0, 0], [1.08, 0, 0], [-0.54, 0.93, 0], [-0.54, -0.93, 0]],
        formal_charges=[0] * 4,
        bonds=[[0, 1], [0, 2], [0, 3]],
        orders=[1, 1, 1],
    )
    nothing = Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[])
    path = tmp_path / "broken.sdf"
    write_sdf(path, [ethanol, radical, pair, nothing])
    with path.open("a") as file:
        file.write("bad\n\n\n  9  9  nonsense\n$$$$\n")
    return path


def metrics(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def share(document: dict[str, Any], name: str) -> float:
    return float(document["shares"][name]["value"])


def test_broken_molecules_and_unreadable_records_count(molvm: Molvm, tmp_path: Path, broken_sdf: Path) -> None:
    said = molvm("evaluate", broken_sdf, "--out", "m.json")
    assert said.code == 0, said.err
    assert "2 records" in said.err
    document = metrics(tmp_path / "m.json")
    assert (document["molecules"], document["unreadable"], document["source"]) == (5, 2, str(broken_sdf))
    assert share(document, "strictly_valid_and_connected") == 0.2
    assert share(document, "valid_permissive") == 0.6
    assert document["reference"] is None
    assert document["shares"]["fragmented"]["count"] == 3


def test_a_hydrogen_that_a_foreign_file_leaves_out_stays_missing(molvm: Molvm, tmp_path: Path) -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    torn = Chem.RWMol(mol)
    torn.RemoveAtom(mol.GetNumAtoms() - 1)
    with Chem.SDWriter("foreign.sdf") as writer:
        writer.write(mol)
        writer.write(torn)
    assert molvm("evaluate", "foreign.sdf", "--out", "m.json").code == 0
    document = metrics(tmp_path / "m.json")
    assert share(document, "strictly_valid") == 0.5
    assert share(document, "valid_permissive") == 1.0


def test_everything_at_once(molvm: Molvm, tmp_path: Path, broken_sdf: Path) -> None:
    command = ("evaluate", broken_sdf, "--reference", "drugs", "--strain", "--posebusters", "--workers", 1)
    said = molvm(*command, "--out", "m.json", "--plot", "m.svg")
    assert said.code == 0, said.err
    assert "Novelty is not measured" in said.err
    assert max(map(len, said.out.splitlines())) <= WIDTH
    for words in ("kcal/mol", "Å", "PB-valid", "fragmented", "FlowMol", "strictly valid", "Distance from drugs"):
        assert words in said.out
    document = metrics(tmp_path / "m.json")
    assert document["valency_table"] == "drugs"
    assert document["shares"]["relaxed"]["count"] == 1
    assert share(document, "pb_valid") == 0.2
    assert document["distributions"]["strain"]["defined"] == 1
    assert document["distances"]["strain"] > 0
    figure = (tmp_path / "m.svg").read_bytes()
    assert b"<svg" in figure
    assert molvm(*command, "--plot", "m.svg").code == 2
    assert molvm(*command, "--plot", "m.svg", "--overwrite").code == 0
    assert (tmp_path / "m.svg").read_bytes() == figure


def test_one_molecule_has_metrics(molvm: Molvm, tmp_path: Path) -> None:
    (tmp_path / "one.smi").write_text("CCO\n")
    said = molvm("evaluate", "one.smi", "--strain", "--workers", 1, "--out", "m.json", "--plot", "m.png", "--subsets")
    assert said.code == 0, said.err
    document = metrics(tmp_path / "m.json")
    assert document["means"]["energy"]["low"] is None
    assert document["means"]["qed"]["high"] is None
    assert document["subsets"] == {}


def test_the_papers_protocol_is_in_the_file_and_shown_when_asked(molvm: Molvm, tmp_path: Path) -> None:
    (tmp_path / "ten.smi").write_text("CCO\nCC\nC\nO\nN\n" * 2)
    assert "95 % interval" in molvm("evaluate", "ten.smi", "--out", "m.json").out
    assert metrics(tmp_path / "m.json")["subsets"]["shares"]["strictly_valid"] == {"value": 1.0, "half_width": 0.0}
    said = molvm("evaluate", "ten.smi", "--subsets")
    assert "± 1.96 s.e." in said.out
    assert "interval" not in said.out


def test_novelty_is_measured_where_the_training_set_is(molvm: Molvm, tmp_path: Path) -> None:
    assert molvm("data", "qm9", "--limit", 300, "--workers", 1).code == 0
    (tmp_path / "two.smi").write_text("C\nCCCCCCCCCCCCCCCC\n")
    said = molvm("evaluate", "two.smi", "--reference", "qm9", "--out", "m.json")
    assert said.code == 0, said.err
    assert share(metrics(tmp_path / "m.json"), "novel") == 0.5


def test_elements_that_the_table_lacks_are_remarked_upon(molvm: Molvm, tmp_path: Path) -> None:
    (tmp_path / "salty.smi").write_text("CCl\nCS\n")
    said = molvm("evaluate", "salty.smi")
    assert "has no S, Cl" in said.err
    assert "has no" not in molvm("evaluate", "salty.smi", "--table", "geom").err


@pytest.mark.parametrize(
    ("dataset", "table", "reference"), [("drugs", "drugs", "drugs"), ("geom", "geom", "geom"), (None, "qm9", None)]
)
def test_a_model_is_measured_against_what_it_was_trained_on(
    molvm: Molvm, tmp_path: Path, dataset: str | None, table: str, reference: str | None
) -> None:
    model = tiny_model()
    if dataset is not None:
        model.card["dataset"] = dataset
    save_model(model, tmp_path / "base")
    said = molvm("evaluate", "base", "-n", 2, "--out", "m.json")
    assert said.code == 0, said.err
    document = metrics(tmp_path / "m.json")
    assert (document["valency_table"], document["reference"]) == (table, reference)
    assert molvm("evaluate", "base", "-n", 2, "--table", "midi", "--out", "n.json").code == 0
    assert metrics(tmp_path / "n.json")["valency_table"] == "midi"


def test_the_report_says_which_model_ran_and_what_it_is_not(molvm: Molvm, tmp_path: Path) -> None:
    model = tiny_model()
    model.card["dataset_note"] = "A stand-in for something else."
    save_model(model, tmp_path / "base")
    said = molvm("evaluate", "base", "-n", 2, "--out", "m.json")
    document = metrics(tmp_path / "m.json")
    assert (document["source"], document["model"]) == ("base", "base")
    assert document["model_note"] == "A stand-in for something else."
    assert "A stand-in for something else." in " ".join(said.err.split())


def test_no_report_replaces_the_other(molvm: Molvm, tmp_path: Path, broken_sdf: Path) -> None:
    said = molvm("evaluate", broken_sdf.name, "--out", "both.pdf", "--plot", "both.pdf")
    assert said.code == 2
    assert "two names" in said.err
    assert not (tmp_path / "both.pdf").exists()


def test_a_file_that_is_not_there_is_no_model(molvm: Molvm) -> None:
    said = molvm("evaluate", "nothere.sdf")
    assert said.code == 2
    assert "There is no file nothere.sdf" in said.err


def test_missing_packages_are_told_before_anything_is_sampled(
    molvm: Molvm, tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, option, extra in (
        ("posebusters", ("--posebusters",), "molvm[eval]"),
        ("plots", ("--plot", "a.svg"), "molvm[figures]"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(f"molvm.evaluation.{module}.find_spec", lambda name: None)
            said = molvm("evaluate", tiny_path, *option)
        assert said.code == 2
        assert extra in said.err
        assert "sampling" not in said.err


def test_the_command_and_the_function_have_the_same_patience() -> None:
    (option,) = [each for each in get_command(app).commands["evaluate"].params if each.name == "time_limit"]  # type: ignore[attr-defined]
    assert option.default == inspect.signature(summarise).parameters["time_limit"].default == TIME_LIMIT
