"""The pages as scripts, without a browser."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

import molvm
from molvm.chem.formats.record import ISOTOPES_IGNORED
from molvm.chem.io import write_sdf
from molvm.chem.molecule import Molecule
from molvm.images.image import Image
from molvm.rewards.base import MoleculeReward, Outcome
from molvm.runs.config import RunConfig
from molvm.runs.directory import RunDirectory
from molvm.runs.image_pairs import image_pairs
from molvm.studio import image_table, judging
from molvm.studio.jobs import Job, Jobs
from molvm.studio.markup import plain
from molvm.studio.paths import path_file
from molvm.studio.serving import ADDRESS, command
from tests.studio.conftest import OpenPage
from tests.studio.hostile import TEXTS, write_hostile
from tests.studio.many import images, qm9_molecules, write_run

PAGES = ("runs", "gallery", "images", "molecule", "trajectory", "compare", "score", "launch")


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_folder_gets_a_page_and_no_error(open_page: OpenPage, name: str) -> None:
    page = open_page(name)
    assert not page.exception
    assert not page.error
    assert page.title[0].value.lower() == name


@pytest.mark.parametrize("name", PAGES)
def test_a_damaged_run_is_told_or_left_out(open_page: OpenPage, tmp_path: Path, name: str) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "resolved.toml").write_text("[")
    (damaged / "manifest.json").write_text("{")
    page = open_page(name)
    assert not page.exception


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are UTF-8")
@pytest.mark.parametrize("name", ["gallery", "molecule"])
def test_a_file_whose_name_is_not_utf_8_is_read(open_page: OpenPage, tmp_path: Path, name: str) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.smi")).write_text("CCO ethanol\n")
    page = open_page(name)
    assert not page.exception
    assert not page.error
    assert page.selectbox(key="run").value == r"caf\xe9.smi"


def test_a_gallery_is_filtered_by_its_address(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "some.smi").write_text("CCO ethanol\nc1ccccc1 benzene\nC methane\n")
    page = open_page("gallery", {"run": "some.smi", "smarts": "[OX2H]"})
    assert not page.exception
    assert "**1** of 3 molecules" in page.markdown[0].value
    page.text_input(key="smarts").set_value("c").run()
    assert "**1** of 3 molecules" in page.markdown[0].value
    page.text_input(key="smarts").set_value("[").run()
    assert "no SMARTS" in page.error[0].value


def two_files(folder: Path) -> None:
    (folder / "a.smi").write_text("CCO ethanol\nC methane\n")
    (folder / "b.smi").write_text("CCN ethanol\nCC ethane\n")


@pytest.mark.parametrize("name", ["gallery", "molecule"])
def test_the_address_names_the_file_also_when_it_is_the_first(open_page: OpenPage, tmp_path: Path, name: str) -> None:
    two_files(tmp_path)
    page = open_page(name)
    assert page.query_params["run"] == "a.smi"
    page.selectbox(key="run").set_value("b.smi").run()
    assert page.query_params["run"] == "b.smi"
    page.selectbox(key="run").set_value("a.smi").run()
    assert page.query_params["run"] == "a.smi"
    (tmp_path / "A.smi").write_text("O water\n")
    assert page.run().selectbox(key="run").value == "a.smi"


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("gallery", {"run": "zzz"}),
        ("molecule", {"run": "zzz"}),
        ("molecule", {"run": "a.smi", "id": "zzz"}),
        ("trajectory", {"run": "zzz"}),
    ],
)
def test_what_an_address_asks_for_and_is_not_there_is_told(
    open_page: OpenPage, tmp_path: Path, name: str, asked: dict[str, str]
) -> None:
    two_files(tmp_path)
    page = open_page(name, asked)
    assert not page.exception
    assert "zzz" in page.error[0].value
    assert dict(page.query_params) == asked
    key = "id" if "id" in asked else "run"
    page.selectbox(key=key).set_value(page.selectbox(key=key).options[-1]).run()
    assert not page.error
    assert page.query_params[key] == page.selectbox(key=key).value


def test_runs_are_compared_as_the_address_says(open_page: OpenPage, tmp_path: Path) -> None:
    molvm.train("qm9", "qed", out=tmp_path / "q", iterations=1, batch_size=2, steps=2, value_size="A")
    page = open_page("compare")
    assert page.query_params["runs"] == "q"
    page.multiselect(key="runs").set_value([]).run()
    assert "at least one" in page.info[0].value
    molvm.train("qm9", "qed", out=tmp_path / "r", iterations=1, batch_size=2, steps=3, value_size="A")
    page.multiselect(key="runs").set_value(["q", "r"]).run()
    assert "differently" in page.warning[0].value
    assert list(page.dataframe[0].value["group"]) == ["base of q", "base of r", "q", "r"]
    assert page.query_params["of"] == "q"
    page.selectbox(key="of").set_value("r").run()
    assert page.query_params["of"] == "r"
    page.multiselect(key="runs").set_value(["q"]).run()
    assert page.query_params["of"] == page.selectbox(key="of").value == "q"
    page = open_page("compare", {"runs": ["q", "r"], "of": "zzz"})
    assert "zzz" in page.error[0].value
    page = open_page("compare", {"runs": "zzz"})
    assert "zzz" in page.error[0].value
    page.multiselect(key="runs").set_value(["q"]).run()
    assert not page.error
    assert not page.exception


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("trajectory", {"steps": "-5", "atoms": "9999", "seed": "abc"}),
        ("launch", {"sampling.steps": "0", "training.strength": "much", "training.seed": "1.5"}),
        ("launch", {"objective": "none"}),
        ("gallery", {"descriptors": "maybe"}),
        ("gallery", {"sort": "beauty", "valid": "maybe", "novel": "elsewhere", "ranges": "beauty", "page": "0"}),
        ("gallery", {"range atoms": ["3", "x"]}),
        ("gallery", {"range atoms": ["9", "3"]}),
        ("gallery", {"range atoms": "3"}),
        ("gallery", {"range atoms": ["3", "7"]}),
        ("molecule", {"relax": "maybe"}),
        ("score", {"failures": "maybe"}),
    ],
)
def test_an_address_of_what_cannot_be_is_refused_until_the_defaults_are_asked_for(
    open_page: OpenPage, tmp_path: Path, name: str, asked: dict[str, str]
) -> None:
    two_files(tmp_path)
    page = open_page(name, {**({"ranges": "atoms"} if name == "gallery" else {}), **asked})
    assert not page.exception
    assert len(page.error) == len(asked)
    assert not page.warning
    for key in asked:
        assert any(f"for {plain(key)} " in error.value and "Allowed: " in error.value for error in page.error)
    (button,) = page.button
    button.click().run()
    assert not page.exception
    assert not page.error
    assert not {key for key, value in asked.items() if page.query_params.get(key) == value}


@pytest.mark.parametrize("name", PAGES)
def test_what_an_address_says_and_nobody_knows_is_told(open_page: OpenPage, tmp_path: Path, name: str) -> None:
    two_files(tmp_path)
    molvm.train("digits", "jpeg", out=tmp_path / "small", iterations=1, batch_size=2, steps=2, value_size="A")
    page = open_page(name, {"zzz": "1", "run": "small" if name == "images" else "a.smi"})
    assert not page.exception
    assert "zzz" in page.warning[0].value
    assert "Known: " in page.warning[0].value


def test_a_misspelt_setting_of_a_link_is_told_with_the_nearest(open_page: OpenPage) -> None:
    page = open_page("launch", {"training.strenght": "7", "training.seed": "3"})
    assert not page.exception
    assert "training\\.strenght (did you mean training\\.strength?)" in page.warning[0].value
    assert page.number_input(key="training.seed").value == 3


def test_a_page_that_is_not_there_is_told(open_page: OpenPage, tmp_path: Path) -> None:
    two_files(tmp_path)
    page = open_page("gallery", {"run": "a.smi", "page": "7"})
    assert not page.exception
    assert "page 7" in page.warning[0].value


def test_a_range_of_the_address_is_kept(open_page: OpenPage, tmp_path: Path) -> None:
    two_files(tmp_path)
    page = open_page("gallery", {"run": "a.smi", "ranges": "atoms", "range atoms": ["6", "7"]})
    assert not page.exception
    assert not page.error
    assert not page.warning
    assert "**0** of 2 molecules" in page.markdown[0].value
    assert page.query_params["range atoms"] == ["6", "7"]


def test_what_the_first_source_was_sorted_by_is_no_fault_of_another(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "b.smi").write_text("CCN ethylamine\nCC ethane\n")
    write_sdf(tmp_path / "a.sdf", [replace(Molecule.from_smiles("CC"), properties={"mine": "4"})])
    page = open_page("gallery", {"run": "a.sdf", "sort": "mine"})
    assert not page.error
    page.selectbox(key="run").set_value("b.smi").run()
    assert not page.error
    assert not page.warning
    assert page.selectbox(key="sort").value == "atoms"


def test_another_file_forgets_what_was_selected_in_the_first(open_page: OpenPage, tmp_path: Path) -> None:
    two_files(tmp_path)
    page = open_page("gallery", {"run": "a.smi"})
    page.checkbox(key="pick ethanol").check().run()
    assert page.query_params["selected"] == "ethanol"
    page.selectbox(key="run").set_value("b.smi").run()
    assert "selected" not in page.query_params
    assert not page.checkbox(key="pick ethanol").value


def test_what_is_selected_is_taken_away_also_when_a_filter_hides_it(open_page: OpenPage, tmp_path: Path) -> None:
    two_files(tmp_path)
    page = open_page("gallery", {"run": "a.smi"})
    page.checkbox(key="pick ethanol").check().run()
    page.text_input(key="smarts").set_value("[CH4]").run()
    assert "**1** of 2 molecules · take away the 1 selected" in page.markdown[0].value
    assert any("hide 1 of the selected" in caption.value for caption in page.caption)
    page.text_input(key="smarts").set_value("").run()
    assert page.checkbox(key="pick ethanol").value
    next(each for each in page.button if each.label == "Select none").click().run()
    assert "take away the 2 shown" in page.markdown[0].value
    assert not page.checkbox(key="pick ethanol").value
    page = open_page("gallery", {"run": "a.smi", "selected": "zzz"})
    assert any("1 of the selected molecules is not here" in caption.value for caption in page.caption)


def test_a_gallery_shows_hostile_titles_as_text(open_page: OpenPage, tmp_path: Path) -> None:
    write_hostile(tmp_path / "hostile.sdf")
    page = open_page("gallery", {"run": "hostile.sdf"})
    assert not page.exception
    labels = [box.label for box in page.checkbox if box.key and box.key.startswith("pick ")]
    assert len(labels) == len(TEXTS)
    assert not any("<" in label.replace("\\<", "") for label in labels)


def test_posebusters_keeps_nobody_from_relaxing(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AtOnce:
        def ask(self, reward: MoleculeReward, molecule: Molecule) -> Future[Outcome]:
            promise: Future[Outcome] = Future()
            promise.set_result(reward([molecule])[0])
            return promise

    class Never:
        def ask(self, reward: MoleculeReward, molecule: Molecule) -> Future[Outcome]:
            return Future()

    monkeypatch.setattr(judging, "_made", AtOnce)
    monkeypatch.setattr(judging, "_made_slow", Never)
    two_files(tmp_path)
    page = open_page("molecule", {"run": "a.smi", "posebusters": "true"})
    assert not page.exception
    assert any("PoseBusters is at work" in info.value for info in page.info)
    assert "strain" in set(page.dataframe[0].value["property"])


def test_images_of_a_run_are_shown_and_filtered_by_the_address(open_page: OpenPage, tmp_path: Path) -> None:
    molvm.train("digits", "jpeg", out=tmp_path / "small", iterations=1, batch_size=6, steps=4, value_size="A")
    page = open_page("images", {"run": "small", "sort": "The round"})
    assert not page.exception
    assert "**6** of 6 images" in page.markdown[0].value
    (menu,) = page.multiselect
    kept = menu.options[0]
    page = open_page("images", {"run": "small", "prompts": kept})
    assert not page.exception
    shown = int(page.markdown[0].value.split("**")[1])
    assert 0 < shown < 6


@pytest.mark.parametrize(("name", "made"), [("images", images), ("gallery", qm9_molecules)])
def test_the_best_comes_first(
    open_page: OpenPage, tmp_path: Path, name: str, made: Callable[[int], Sequence[Image] | Sequence[Molecule]]
) -> None:
    """Of a reward to minimise the smallest, unless the address says otherwise; of anything else the largest."""
    directory = RunDirectory(write_run(tmp_path / "small", made(8), 4))
    directory.manifest.write_text(directory.manifest.read_text().replace("maximise", "minimise"))

    def values(*, largest_first: bool, **parameters: str) -> list[str]:
        page = open_page(name, {"run": "small", **parameters})
        assert not page.exception
        assert next(each for each in page.toggle if each.key == "descending").value is largest_first
        shown = [each.value.strip("*").split()[-1] for each in page.markdown if each.value.startswith("**")]
        return [each for each in shown if each.replace(".", "").isdigit()]

    best = values(largest_first=False)
    assert len(set(best)) > 2
    assert [float(each) for each in best] == sorted(map(float, best))
    assert values(largest_first=True, descending="true") == best[::-1]
    assert values(largest_first=True, sort={"images": "The round", "gallery": "atoms"}[name])
    page = open_page(name, {"run": "small"})
    next(each for each in page.toggle if each.key == "descending").set_value(True).run()
    assert page.query_params["descending"] == "true"
    assert next(each for each in page.toggle if each.key == "descending").value


def test_the_menu_of_molecules_begins_with_the_best(open_page: OpenPage, tmp_path: Path) -> None:
    directory = RunDirectory(write_run(tmp_path / "small", qm9_molecules(8), 4))

    def menu() -> list[str]:
        page = open_page("molecule", {"run": "small", "relax": "false"})
        assert not page.exception
        return list(next(each for each in page.selectbox if each.key == "id").options)

    largest_first = menu()
    directory.manifest.write_text(directory.manifest.read_text().replace("maximise", "minimise"))
    assert len(largest_first) > 2
    assert menu()[:-1] == largest_first[-2::-1]  # the last has no value


def test_a_run_leads_to_the_pages_that_show_what_it_makes(open_page: OpenPage, tmp_path: Path) -> None:
    molvm.train("digits", "jpeg", out=tmp_path / "small", iterations=1, batch_size=2, steps=2, value_size="A")
    write_run(tmp_path / "molecular", qm9_molecules(4), 2)
    for name, pages in (("small", ["images", "compare"]), ("molecular", ["gallery", "trajectory", "compare"])):
        page = open_page("runs", {"run": name})
        assert not page.exception
        assert [link.proto.page for link in page.get("page_link")] == pages
        within = {"small": "class or prompt", "molecular": "number of atoms"}[name]
        assert any(f"Effective sample size: within each {within}" in each.value for each in page.caption)
    page = open_page("trajectory", {"run": "small"})
    assert not page.exception
    assert "makes images" in page.error[0].value
    assert not page.button, "nothing is offered that would fail"


def test_pages_of_molecules_begin_with_a_run_of_molecules(open_page: OpenPage, tmp_path: Path) -> None:
    write_run(tmp_path / "molecular", qm9_molecules(4), 2)
    write_run(tmp_path / "newer", images(4), 2)
    for name in ("gallery", "trajectory"):
        page = open_page(name)
        assert not page.exception
        assert not page.error
        menu = next(each for each in page.selectbox if each.key == "run")
        assert menu.value == "molecular"
        assert menu.options[1] == "newer", "it is there to be chosen, and refused with a reason"


def test_where_the_positions_are_from_is_told(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "some.smi").write_text("CCO ethanol\n")
    page = open_page("molecule", {"run": "some.smi", "relax": "false"})
    assert any("embedded by ETKDG" in each.value for each in page.caption)
    assert write_sdf(tmp_path / "spatial.sdf", qm9_molecules(2)) == 2
    page = open_page("molecule", {"run": "spatial.sdf", "relax": "false"})
    assert any("as in the file" in each.value for each in page.caption)


def test_a_record_that_holds_no_molecule_has_no_picture_in_3d(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "some.smi").write_text("CCO ethanol\nC(C nothing\n")
    page = open_page("gallery")
    assert not page.exception
    assert len(page.get("page_link")) == 1


def test_the_page_of_images_leads_a_run_of_molecules_to_the_gallery(open_page: OpenPage, tmp_path: Path) -> None:
    write_run(tmp_path / "molecular", qm9_molecules(4), 2)
    write_run(tmp_path / "small", images(4), 2)
    page = open_page("images", {"run": "molecular"})
    assert not page.exception
    (link,) = page.get("page_link")
    assert link.proto.page == "gallery"
    assert page.main.error, "in sight, not beside the menu"


def test_a_run_of_another_reward_is_left_out_and_told(open_page: OpenPage, tmp_path: Path) -> None:
    for name in "qr":
        write_run(tmp_path / name, qm9_molecules(4), 2)
    write_run(tmp_path / "small", images(4), 2)
    page = open_page("compare", {"runs": ["q", "small", "r"]})
    assert not page.exception
    assert "small \\(jpeg, to be maximised\\)" in page.warning[0].value
    assert list(page.dataframe[0].value["group"]) == ["base", "q", "r"]
    assert page.selectbox(key="of").options == ["q", "r"]


def test_pairs_of_images_are_where_images_are(open_page: OpenPage, tmp_path: Path) -> None:
    molvm.train("digits", "jpeg", out=tmp_path / "small", iterations=1, batch_size=2, steps=2, value_size="A")
    page = open_page("compare", {"runs": "small"})
    assert not page.exception
    assert not page.error
    assert not page.button


@pytest.mark.parametrize(("of", "seed"), [("q", "0"), ("r", "7")])
def test_pairs_are_drawn_of_the_run_that_the_address_names(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str, seed: str
) -> None:
    for name in "qr":
        write_run(tmp_path / name, qm9_molecules(4), 2)
    started: list[list[str]] = []
    monkeypatch.setattr("molvm.studio.jobs.Jobs.start", lambda _, name, argv: started.append(list(argv)))
    page = open_page("compare", {"runs": ["q", "r"], "of": of, "seed": seed})
    assert not page.exception
    next(each for each in page.button if each.label.startswith("Draw pairs")).click().run()
    assert [argv[:2] for argv in started] == [["sample", str(tmp_path / of)]] * 2
    assert all(argv[argv.index("--seed") + 1] == seed for argv in started)


def test_damaged_images_are_told(open_page: OpenPage, tmp_path: Path) -> None:
    molvm.train("digits", "jpeg", out=tmp_path / "small", iterations=1, batch_size=2, steps=2, value_size="A")
    for path in (tmp_path / "small").rglob("*.parquet"):
        path.write_bytes(b"PAR1")
    page = open_page("images")
    assert not page.exception
    assert "damaged" in page.error[0].value


def test_pairs_of_images_are_drawn_once_and_then_shown(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = molvm.train("digits", "jpeg", out=tmp_path / "small", iterations=1, batch_size=6, steps=4, value_size="A")
    started: list[list[str]] = []
    monkeypatch.setattr("molvm.studio.jobs.Jobs.start", lambda _, name, argv: started.append([name, *argv]))
    parameters = {"run": "small", "seed": "5", "count": "3"}
    page = open_page("images", parameters)
    assert not page.exception
    button = next(each for each in page.button if each.label.startswith("Draw pairs"))
    button.click().run()
    (command,) = started
    assert command[1:] == ["sample", str(run.path), "--pairs", "-n", "3", "--seed", "5", "--out", command[-1]]
    image_pairs(run, 3, seed=5).save(command[-1])
    page = open_page("images", parameters)
    assert not page.exception
    assert not [each for each in page.button if each.label.startswith("Draw pairs")]
    assert any("each above what the run makes" in each.value for each in page.caption)


@pytest.mark.parametrize("content", [b"", b"smiles\n"])
def test_a_file_without_molecules_is_told_by_the_name_that_the_user_gave(
    open_page: OpenPage, tmp_path: Path, content: bytes
) -> None:
    page = open_page("score")
    page.file_uploader[0].set_value(("mine.smi", content, "text/plain")).run()
    next(each for each in page.button if each.label == "Score").click().run()
    token = page.query_params["scores"]
    log = tmp_path / ".studio" / "logs" / f"score-{token}.log"
    for _ in range(300):
        if "Error" in log.read_text():
            break
        time.sleep(0.1)
    time.sleep(0.5)
    page.run()
    assert not page.exception
    (error,) = page.error
    assert "no molecules in mine\\.smi" in error.value
    assert "studio" not in error.value


def test_isotopes_that_are_ignored_are_told(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "some.smi").write_text("[2H]CO heavy\nCO light\n")
    page = open_page("gallery")
    assert not page.exception
    assert [plain(ISOTOPES_IGNORED) in caption.value for caption in page.caption if "atoms" in caption.value] == [
        True,
        False,
    ]


def test_launching_offers_models_and_rewards_and_says_what_they_mean(open_page: OpenPage) -> None:
    page = open_page("launch")
    assert "qm9" in page.selectbox(key="model.name").options
    reward = page.selectbox(key="reward.name")
    assert {"dipole", "qed"} <= set(reward.options)
    reward.set_value("qed").run()
    assert any("drug\\-likeness" in each.value for each in page.caption)
    assert any("reward" in each.value and "qed" in each.value for each in page.caption)


def test_launching_takes_an_expression_and_the_directory_of_a_model(open_page: OpenPage) -> None:
    page = open_page("launch", {"name": "x", "reward.name": "window(tpsa, 20, 130)", "model.name": "some/folder"})
    assert not page.exception
    assert not page.error
    assert page.selectbox(key="reward.name").value == "window(tpsa, 20, 130)"
    assert page.selectbox(key="model.name").value == "some/folder"
    assert not next(each for each in page.button if each.label == "Start").disabled


def test_of_many_images_the_newest_are_shown_and_the_page_says_so(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_table, "MOST_IMAGES", 4)
    molvm.train("digits", "jpeg", out=tmp_path / "small", iterations=3, batch_size=2, steps=2, value_size="A")
    page = open_page("images", {"run": "small"})
    assert any("**4** of 4 images of the rounds from 2 on" in each.value for each in page.markdown)


def test_launching_begins_with_the_settings_of_a_recipe(open_page: OpenPage) -> None:
    page = open_page("launch", {"name": "x", "recipe": "few-labels", "training.batch_size": "7"})
    assert page.number_input(key="sampling.steps").value == 60
    assert page.number_input(key="training.batch_size").value == 7
    assert any("Not as in the recipe" in each.value and "batch" in each.value for each in page.caption)
    page.selectbox(key="recipe").set_value("known-molecules").run()
    assert page.number_input(key="sampling.steps").value == 100
    assert page.number_input(key="training.batch_size").value == 32
    page.selectbox(key="objective").set_value("ddpo").run()
    assert not page.exception
    assert not page.error
    assert page.selectbox(key="recipe").value is None
    assert page.number_input(key="sampling.steps").value == RunConfig().sampling.steps


def test_launching_a_small_model_begins_with_its_own_recipe(open_page: OpenPage) -> None:
    page = open_page("launch", {"training.strength": "25"})
    page.selectbox(key="model.name").set_value("digits").run()
    assert not page.exception
    assert page.selectbox(key="recipe").value == "digits"
    assert page.selectbox(key="model.name").value == "digits"
    assert page.number_input(key="training.strength").value == 25
    assert page.number_input(key="sampling.steps").value == 30
    assert page.number_input(key="training.batch_size").value == 32


def test_launching_names_the_recipes_there_are(open_page: OpenPage) -> None:
    page = open_page("launch", {"recipe": "some-labels"})
    assert "few\\-labels" in page.error[0].value


def test_a_run_that_is_stopped_before_it_has_begun_is_not_called_a_failure(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Jobs.start

    def start_and_stop(self: Jobs, name: str, argv: Sequence[str]) -> Job:
        job = start(self, name, argv)
        job.stop()
        job.process.wait()
        return job

    monkeypatch.setattr(Jobs, "start", start_and_stop)
    page = open_page("launch", {"name": "x"})
    next(each for each in page.button if each.label == "Start").click().run()
    assert not page.error
    assert "before the run had begun" in page.info[0].value


def test_a_reward_that_starts_a_program_is_refused(open_page: OpenPage) -> None:
    page = open_page("launch", {"name": "x", "reward.name": 'command("touch x")'})
    assert "starts a program" in page.error[0].value.replace("\\", "")
    assert not page.button


def test_the_studio_listens_on_this_machine_and_tells_nobody() -> None:
    argv = command(8501, browser=False)
    assert f"--server.address={ADDRESS}" in argv
    assert ADDRESS == "127.0.0.1"
    assert "--browser.gatherUsageStats=false" in argv
    assert "--server.enableXsrfProtection=true" in argv
    assert "--server.headless=true" in argv


def test_a_path_tells_the_steps_it_took_not_the_states_that_are_kept(open_page: OpenPage, tmp_path: Path) -> None:
    """Between two choices of a candidate no state is kept."""
    water = Molecule.from_smiles("O")
    target = path_file(tmp_path / ".studio", "qm9", seed=0, steps=5, atoms=0, free=False)
    target.parent.mkdir(parents=True)
    write_sdf(target, [replace(water, properties={"t": time}) for time in ("0", "0.6", "1")])
    page = open_page("trajectory", {"run": "qm9", "steps": "5"})
    assert not page.exception
    assert {metric.label: metric.value for metric in page.metric}["Steps"] == "5"
    assert any("are not kept" in caption.value for caption in page.caption)
