from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from molvm.chem.formats.record import ISOTOPES_IGNORED
from molvm.chem.io import read_molecules, write_sdf
from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, InputFileError, MoleculeError, OutputExistsError, RewardError
from molvm.images import Image, write_folder
from molvm.rewards import logp, qed, weighted_sum
from molvm.rewards.base import Outcome, Reward
from molvm.rewards.isolated import isolated
from molvm.runs.scoring import score
from tests.runs.spread_reward import Spread

LINES = "CCO ethanol\nnonsense bad\nc1ccccc1\n[Na+].[Cl-] salt\n"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("input") / "list.smi"
    path.write_text(LINES)
    return path


def test_one_row_a_record_in_order(file: Path, tmp_path: Path) -> None:
    seen: list[Outcome] = []
    table = score(file, "qed", workers=1, progress=seen.append)
    table.to_csv(tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open() as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    assert reader.fieldnames == ["id", "smiles", "qed", "failure", "reason", "seconds"]
    assert [row["id"] for row in rows] == ["ethanol", "bad", "3", "salt"]
    assert [row["smiles"] for row in rows] == ["CCO", "", "c1ccccc1", "[Cl-].[Na+]"]
    assert [bool(row["qed"]) for row in rows] == [True, False, True, False]
    assert [row["failure"] for row in rows] == ["", "invalid", "", "rejected"]
    assert "2 fragments" in rows[3]["reason"]
    assert all(float(row["seconds"]) >= 0 for row in rows)
    assert len(seen) == 3


def test_a_file_and_its_molecules_score_alike(file: Path) -> None:
    molecules = [record.molecule for record in read_molecules(file) if record.molecule is not None]
    from_file, direct = score(file, "qed", workers=1), score(molecules, qed(), workers=1)
    assert [value for value in from_file.values("qed") if value is not None] == [
        value for value in direct.values("qed") if value is not None
    ]


def test_several_rewards_say_who_failed(file: Path) -> None:
    salt = Molecule.from_smiles("[Na+].[Cl-]")
    records = [*read_molecules(file)[:3], replace(salt, positions=0 * salt.positions)]
    rows = score(records, ["qed", Spread()], workers=1).rows()
    assert list(rows[0]) == ["id", "smiles", "qed", "spread", "failure", "reason", "seconds"]
    assert rows[0]["failure"] is None
    assert rows[1]["reason"].startswith("reading: ")
    assert rows[2]["reason"] is None
    assert rows[3]["failure"] == "rejected"
    assert rows[3]["reason"].startswith("qed: connected: 2 fragments; spread: crowded: ")


def test_isotopes_that_are_ignored_stand_where_reasons_do(tmp_path: Path) -> None:
    path = tmp_path / "some.smi"
    path.write_text("[2H]CO heavy\nCO light\n[2H] broken\n")
    heavy, light, broken = score(path, "qed", workers=1).rows()
    assert (heavy["qed"], heavy["failure"], heavy["reason"]) == (light["qed"], None, ISOTOPES_IGNORED)
    assert light["reason"] is None
    assert broken["failure"] is not None
    assert broken["reason"] != ISOTOPES_IGNORED


def test_columns_cannot_collide(file: Path) -> None:
    for rewards in (["qed", "qed"], [Spread(name="smiles")]):
        with pytest.raises(ConfigError, match="Two columns"):
            score(file, rewards)


def test_what_is_no_molecule_is_refused() -> None:
    with pytest.raises(MoleculeError, match=r"7 is no molecule.*Molecule\.from_smiles"):
        score([7], "qed")  # type: ignore[list-item]


def test_smiles_are_taken_and_what_is_missing_is_a_failure_of_its_row() -> None:
    table = score(pd.Series(["CCO", "nonsense", None, float("nan"), "C"]), "qed", workers=1)
    assert table.smiles == ("CCO", None, None, None, "C")
    assert table.ids == ("1", "2", "3", "4", "5")
    assert [row["failure"] for row in table.rows()] == [None, "invalid", "invalid", "invalid", None]
    assert score(["CCO"], "qed", workers=1).values("qed") == table.values("qed")[:1]


def test_a_data_frame_is_taken_as_its_csv_file_would_be(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["ethanol", None], "SMILES": ["CCO", "C"], "yield": [0.5, 1.0]})
    frame.to_csv(tmp_path / "table.csv", index=False)
    table, of_file = score(frame, "qed", workers=1), score(tmp_path / "table.csv", "qed", workers=1)
    assert table.ids == of_file.ids == ("ethanol", "2")
    assert table.values("qed") == of_file.values("qed")
    assert table.molecules[0] is not None
    assert table.molecules[0].properties == {"yield": "0.5"}


@pytest.mark.parametrize("given", [pd.DataFrame({"mol": ["CCO"]}), {"smiles": ["CCO"]}])
def test_a_table_without_smiles_is_refused_with_what_to_pass(given: object) -> None:
    with pytest.raises(ConfigError, match=r"Allowed: .*Try: .*column"):
        score(given, "qed")  # type: ignore[arg-type]


def test_molecules_of_rdkit_are_taken_as_a_file_with_them_would_be(tmp_path: Path) -> None:
    embedded = Molecule.from_smiles("CCO").to_rdkit()
    Chem.SanitizeMol(embedded)
    heavy = Chem.RemoveHs(embedded)
    heavy.SetProp("_Name", "ethanol")
    flat = Chem.MolFromSmiles("CCO")
    impossible = Chem.MolFromSmiles("C(C)(C)(C)(C)C", sanitize=False)
    table = score([embedded, heavy, flat, impossible], "qed", workers=1)
    assert table.ids == ("CCO", "ethanol", "3", "4")
    assert [value is None for value in table.values("qed")] == [False, False, False, True]
    assert len(set(table.values("qed")[:3])) == 1
    assert "sanitise" in table.rows()[3]["reason"]
    assert heavy.GetNumAtoms() == flat.GetNumAtoms() == 3, "what is given stays as it is"


def test_a_table_is_written_with_its_molecules(tmp_path: Path) -> None:
    path = tmp_path / "in.sdf"
    write_sdf(path, [replace(Molecule.from_smiles("CCO"), properties={"vendor": "x"}), Molecule.from_smiles("O.O")])
    path.write_text(path.read_text() + "bad\nnonsense\n$$$$\n")
    table = score(path, "qed", workers=1)
    assert table.to_sdf(tmp_path / "out.sdf") == 2
    first, second = read_molecules(tmp_path / "out.sdf")
    assert first.properties["vendor"] == "x"
    assert float(first.properties["qed"]) == table.values("qed")[0]
    assert second.properties["qed"] == ""
    assert second.properties["failure"] == "rejected"
    np.testing.assert_allclose(
        first.molecule.positions if first.molecule else np.nan, Molecule.from_smiles("CCO").positions, atol=1e-4
    )
    with pytest.raises(OutputExistsError):
        table.to_sdf(tmp_path / "out.sdf")


def test_a_reward_called_on_one_molecule_says_what_it_takes() -> None:
    with pytest.raises(RewardError, match=r"several molecules in a list\. Try: \[molecule\]"):
        qed()(Molecule.from_smiles("CCO"))  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [qed(), weighted_sum(qed(), logp()), isolated(qed(), 1)])
@pytest.mark.parametrize("given", ["CCO", Chem.MolFromSmiles("CCO")])
def test_a_reward_called_on_what_is_no_molecule_says_how_it_becomes_one(asked: Reward, given: object) -> None:
    with pytest.raises(MoleculeError, match=r"Molecule\.from_rdkit\(mol\).*from_smiles.*molvm\.score"):
        asked([given])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"none\.sdf"):
        score(tmp_path / "none.sdf", "qed")


def test_images_are_scored_from_folders_and_lists(tmp_path: Path) -> None:
    images = [Image(np.full((8, 8, 1), grey, dtype=np.uint8), f"grey {grey}", prompt=str(grey)) for grey in (0, 255)]
    write_folder(tmp_path / "drawn", images, "id,prompt\ngrey 0,0\n")
    table = score(tmp_path / "drawn", ["brightness", "jpeg"], workers=1)
    assert table.columns == ["id", "prompt", "brightness", "jpeg", "failure", "reason", "seconds"]
    assert [(row["id"], row["prompt"], row["brightness"]) for row in table.rows()] == [
        ("grey 0", "0", 0.0),
        ("grey 255", "", pytest.approx(1)),
    ]
    table.to_csv(tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text().splitlines()[0] == ",".join(table.columns)
    assert "grey 255" in table._repr_html_()
    given = score([each.pil() for each in images], "brightness", workers=1)
    assert (given.ids, given.values("brightness")) == (("1", "2"), [0.0, pytest.approx(1)])
    with pytest.raises(ConfigError, match="SD file"):
        table.to_sdf(tmp_path / "a.sdf")
    with pytest.raises(RewardError, match="'qed' judges molecules, and what is scored are images"):
        score(tmp_path / "drawn", "qed")
    with pytest.raises(RewardError, match="'jpeg' judges images, and what is scored are molecules"):
        score(["CCO"], "jpeg")


def test_a_function_in_a_file_is_given_what_the_file_holds(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def width(image):\n    return image.size[0]\n")
    write_folder(tmp_path / "drawn", [Image(np.zeros((8, 6, 3), dtype=np.uint8), "a")])
    assert score(tmp_path / "drawn", f"{tmp_path}/mine.py:width", workers=1).values("width") == [6.0]
