"""Images through the real commands: train, resume, sample, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import molvm
from molvm.cli.app import app
from molvm.errors import ConfigError, ModelError, MolVMError, RewardError
from molvm.images import Image, write_folder
from molvm.models.hub import save_model
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.runs.image_records import ImageRecord
from molvm.runs.image_samples import ImageSet
from tests.models.images.tiny_pipelines import dit, save_dit, stable_diffusion

SMALL = ["--iterations", "2", "--batch-size", "6", "--steps", "5", "--value-size", "A", "--workers", "1"]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = PixelNetwork(PixelConfig(size=8, classes=2, widths=(8, 16)))
    save_model(PixelFlowModel(network, ["zero", "one"], "tiny"), tmp_path / "tiny")
    return tmp_path / "tiny"


def run(*arguments: str) -> None:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_a_run_of_images_is_trained_resumed_and_sampled(base: Path, tmp_path: Path) -> None:
    run("train", "--model", str(base), "--reward", "jpeg", "--strength", "5", *SMALL, "--out", str(tmp_path / "run"))
    run("train", "--resume", str(tmp_path / "run"), "--iterations", "3")
    found = molvm.Run.open(tmp_path / "run")
    assert found.manifest.makes == "images"
    assert len(found.metrics()) == 3
    best = found.top(3)
    assert all(isinstance(record, ImageRecord) for record in best)
    values = [record.value for record in best]
    assert values == sorted(values)  # fewer bits are better
    assert len(list(found.store.records())) == 18
    assert (tmp_path / "run" / "best.png").is_file()
    run("sample", str(tmp_path / "run"), "-n", "4", "--score", "--workers", "1", "--out", str(tmp_path / "drawn"))
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 5
    assert (tmp_path / "drawn" / "images.csv").read_text().startswith("id,prompt,path_cost,jpeg,failure,reason\n")
    run(
        "sample", str(tmp_path / "run"), "-n", "2", "--pairs", "--score", "--workers", "1", "--out", str(tmp_path / "p")
    )
    assert sorted(path.stem for path in (tmp_path / "p").glob("*.png")) == [
        "base-1",
        "base-2",
        "grid",
        "run-1",
        "run-2",
    ]
    run("report", str(tmp_path / "run"), "--pairs", "2")
    assert "Base and run from the same noise" in (tmp_path / "run" / "report.html").read_text()
    with pytest.raises(ConfigError, match="--pairs does not go together with --top"):
        run("sample", str(tmp_path / "run"), "--pairs", "--top", "1", "--out", str(tmp_path / "not"))
    with pytest.raises(ConfigError, match="nothing beside it"):
        run("sample", str(base), "--pairs", "--out", str(tmp_path / "not"))


def test_no_control_gives_the_base_images(base: Path) -> None:
    model = molvm.load_model(base)
    first, again = (molvm.sample(model, 3, seed=1, steps=4) for _ in range(2))
    assert isinstance(first, ImageSet)
    assert [image.digest for image in first.images] == [image.digest for image in again.images]
    with pytest.raises(RewardError, match="judges molecules"):
        first.score("qed")


@pytest.mark.parametrize(("model", "reward"), [(None, "qed"), ("qm9", "jpeg")])
def test_a_reward_of_the_other_kind_is_refused_before_anything_is_made(
    base: Path, tmp_path: Path, model: str | None, reward: str
) -> None:
    with pytest.raises(RewardError, match="judges"):
        run("train", "--model", model or str(base), "--reward", reward, *SMALL, "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_pipeline_from_a_folder_is_trained_with_the_prompts_of_a_file(tmp_path: Path) -> None:
    stable_diffusion(tmp_path / "words").save_pretrained(tmp_path / "sd")
    (tmp_path / "prompts.txt").write_text("a cat\n\nthe dog\n")
    arguments = ["--dataset", str(tmp_path / "sd"), "--reward", "jpeg", *SMALL, "--set", "sampling.transition=ddim"]
    with pytest.raises(ModelError, match="--prompts FILE"):
        run("train", *arguments, "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    run("train", *arguments, "--prompts", str(tmp_path / "prompts.txt"), "--out", str(tmp_path / "run"))
    (tmp_path / "prompts.txt").unlink()  # a run has its prompts
    run("train", "--resume", str(tmp_path / "run"), "--iterations", "3")
    found = molvm.Run.open(tmp_path / "run")
    assert found.config.model.prompts == ("a cat", "the dog")
    assert {record.sample.prompt for record in found.store.records()} == {"a cat", "the dog"}
    run("sample", str(tmp_path / "run"), "-n", "2", "--out", str(tmp_path / "drawn"))
    with pytest.raises(ConfigError, match="has its guidance scale"):
        run("sample", str(tmp_path / "run"), "-n", "2", "--guidance-scale", "2", "--out", str(tmp_path / "again"))


def test_a_base_is_sampled_with_chosen_classes(tmp_path: Path) -> None:
    save_dit(dit(), tmp_path / "dit")
    drawn = tmp_path / "drawn"
    run("sample", str(tmp_path / "dit"), "-n", "3", "--steps", "4", "--transition", "ddim", "--classes", "goldfish,7",
        "--guidance-scale", "3", "--out", str(drawn))  # fmt: skip
    prompts = {line.split(",", 2)[1] for line in (drawn / "images.csv").read_text().splitlines()[1:]}
    assert prompts <= {'"Carassius auratus', "thing 7"}


def test_base_and_run_compute_where_they_are_told_to(base: Path, tmp_path: Path) -> None:
    save_dit(dit(), tmp_path / "dit")
    quick = ("-n", "2", "--steps", "2")
    plain, told = tmp_path / "plain", ("--device", "cpu:0", "--offload")
    run("sample", str(tmp_path / "dit"), *quick, "--transition", "ddim", "--out", str(plain))
    run("sample", str(tmp_path / "dit"), *quick, "--transition", "ddim", *told, "--out", str(tmp_path / "told"))
    assert (tmp_path / "told" / "grid.png").read_bytes() == (plain / "grid.png").read_bytes()
    found, _ = evaluated(str(tmp_path / "dit"), "-n", "2", *told, "--classes", "goldfish")
    assert found["group"]["images"] == 2
    folder, drawn = str(tmp_path / "run"), str(tmp_path / "drawn")
    run("train", "--model", str(tmp_path / "dit"), "--reward", "jpeg", *SMALL, "--out", folder)
    run("sample", folder, *quick, "--device", "cpu", "--no-offload", "--out", str(tmp_path / "from the run"))
    twin = str(shutil.copytree(folder, tmp_path / "twin"))
    run("compare", folder, twin, "--count", "2", "--images", str(tmp_path / "rows.png"), *told)
    run("report", folder, "--pairs", "2", "--out", str(tmp_path / "pairs.html"), *told)
    for draws in (("compare", folder, twin, "--count", "2"), ("report", folder, "--pairs", "2", "--out", drawn)):
        with pytest.raises(ModelError, match="no device 'nowhere'"):
            run(*draws, "--device", "nowhere")
    for drawing_nothing in (("compare", folder, "--device", "cpu"), ("report", folder, "--no-offload", "--out", drawn)):
        with pytest.raises(ConfigError, match="none are drawn"):
            run(*drawing_nothing)
    for source in (folder, str(tmp_path / "dit")):
        for refused, message in (("nowhere", "no device 'nowhere'"), ("meta", "no device 'meta'")):
            with pytest.raises(ModelError, match=message) as caught:
                run("sample", source, "--device", refused, "--out", drawn)
            assert "cpu" in str(caught.value.allowed)
    with pytest.raises(ModelError, match="computes on the processor"):
        run("sample", str(base), "--offload", "--out", drawn)
    assert not Path(drawn).exists()


def test_digits_are_trained_on_chosen_classes(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("3\n7\n")
    chosen = ("--classes", str(tmp_path / "classes.txt"))
    run("train", "--dataset", "digits", "--reward", "brightness", *SMALL, *chosen, "--out", str(tmp_path / "run"))
    found = molvm.Run.open(tmp_path / "run")
    assert {record.sample.prompt for record in found.store.records()} == {"3", "7"}
    run("sample", str(tmp_path / "run"), "-n", "3", "--out", str(tmp_path / "drawn"))
    with pytest.raises(ModelError, match="no class '11'"):
        run("sample", "digits", "-n", "1", "--classes", "11", "--out", str(tmp_path / "not"))


def test_a_run_shows_some_of_what_it_has_learned_of(tmp_path: Path) -> None:
    where, quick = str(tmp_path / "run"), ("-n", "4", "--steps", "2")
    run("train", "--dataset", "digits", "--reward", "jpeg", *SMALL, "--out", where)
    run("sample", where, *quick, "--classes", "3,7", "--pairs", "--out", str(tmp_path / "drawn"))
    listed = (tmp_path / "drawn" / "images.csv").read_text()
    assert {row["prompt"] for row in csv.DictReader(listed.splitlines())} <= {"3", "7"}
    found, _ = evaluated(where, "-n", "4", "--classes", "3")
    assert found["group"]["images"] == 4
    for refused, message in (
        (("--classes", "3,11"), "not learned of '11'"),
        (("--guidance-scale", "2"), "guidance scale"),
    ):
        with pytest.raises(ConfigError, match=message):
            run("sample", where, *quick, *refused, "--out", str(tmp_path / "not"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [("model.prompts='nowhere.txt'", "a text file"), ("model.guidance_scale=0.5", "guidance_scale")],
)
def test_settings_of_conditions_are_checked(tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run("train", "--dataset", "digits", "--reward", "jpeg", "--set", setting, "--out", str(tmp_path / "run"))


def evaluated(*arguments: str) -> tuple[dict[str, Any], str]:
    result = CliRunner().invoke(app, ["evaluate", *arguments, "--clip", "none"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    shown = CliRunner().invoke(app, ["evaluate", *arguments, "--clip", "none", "--json"], catch_exceptions=False)
    return json.loads(shown.stdout), result.stdout


def test_a_run_of_images_is_measured_against_its_base(base: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    run("train", "--model", str(base), "--reward", "jpeg", "--strength", "5", *SMALL, "--out", folder)
    found, table = evaluated(
        folder, "-n", "24", "--score", "--workers", "1", "--out", str(tmp_path / "m.json"), "--overwrite"
    )
    assert json.loads((tmp_path / "m.json").read_text()) == found
    group, reference = found["group"], found["base"]
    assert (group["images"], reference["images"], found["reference"]) == (24, 24, "tiny, the base")
    assert found["reward"] == "jpeg / bits/pixel"
    assert group["kl"]["value"] > 0
    assert reference["kl"] is None  # nothing steered it
    assert 1 <= group["vendi"]["1"] <= group["vendi"]["0.5"] <= 24
    distance = found["distance"]
    assert (distance["features"], distance["is_fid"]) == ("6 principal components of pixels", False)
    assert distance["unbiased"]["low"] < distance["value"]
    for words in ("Fréchet distance, not FID", "principal components of pixels", "of pixels", "jpeg / bits/pixel"):
        assert words in " ".join(table.split())


def test_the_bundled_digits_are_measured_by_their_classifier(tmp_path: Path) -> None:
    run("sample", "digits", "-n", "3", "--steps", "2", "--out", str(tmp_path / "drawn"))
    arguments = ("digits", "-n", "3", "--reference", str(tmp_path / "drawn"))
    found, table = evaluated(*arguments)
    assert found["distance"]["features"] == "a bundled classifier of digits"
    assert "classifier of digits" in " ".join(table.split())
    other, _ = evaluated(*arguments, "--no-digits")
    assert other["distance"]["features"] == "1 principal components of pixels"
    folder, _ = evaluated(str(tmp_path / "drawn"), "--reference", str(tmp_path / "drawn"), "--digits")
    assert folder["distance"]["value"] < 1e-9


def test_folders_of_images_are_measured(base: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("one", "other")):
        run("sample", str(base), "-n", "8", "--steps", "3", "--seed", str(seed), "--out", str(tmp_path / name))
    found, table = evaluated(str(tmp_path / "one"), "--reference", str(tmp_path / "other"), "--reward", "brightness")
    assert (found["group"]["images"], found["base"]["images"]) == (8, 8)  # no grid among them
    assert found["group"]["kl"] is None
    assert found["distance"]["unbiased"] is None
    assert evaluated(str(tmp_path / "one"), "--reference", str(tmp_path / "one"))[0]["distance"]["value"] < 1e-9
    alone, _ = evaluated(str(tmp_path / "one"))
    assert (alone["reference"], alone["base"], alone["distance"]) == (None, None, None)
    against_model, _ = evaluated(str(tmp_path / "one"), "--reference", str(base), "-n", "4")
    assert against_model["base"]["images"] == 4
    assert "TOO FEW IMAGES" not in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{images}", "--strain"], "--strain is of molecules"),
        (["{images}", "--table", "qm9"], "--table is of molecules"),
        (["{images}", "--device", "cpu"], "--device is of a model"),
        (["{smiles}", "--offload"], "--offload is of a model"),
        (["{images}", "--score"], "Only a run has a reward"),
        (["{images}", "--reward", "qed"], "judges molecules"),
        (["{images}", "--clip", "nowhere"], "no CLIP at nowhere"),
        (["{images}", "--reference", "{smiles}"], "has no images"),
        (["{smiles}", "--score"], "--score is of images"),
        (["{images}", "--reference", "nowhere"], "nowhere"),
        (["nowhere.sdf"], "There is no file"),
    ],
)
def test_questions_of_the_other_kind_are_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    write_folder(tmp_path / "images", [Image(np.zeros((4, 4, 1), np.uint8), "black")])
    (tmp_path / "in.smi").write_text("C\n")
    given = [each.format(images=tmp_path / "images", smiles=tmp_path / "in.smi") for each in arguments]
    with pytest.raises(MolVMError, match=message):
        run("evaluate", *given)


def test_the_images_of_a_folder_are_scored(tmp_path: Path) -> None:
    drawn, table = str(tmp_path / "drawn"), tmp_path / "scores.csv"
    run("sample", "digits", "-n", "3", "--steps", "2", "--out", drawn)
    run("score", drawn, "--reward", "jpeg", "--reward", "brightness", "--out", str(table))
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["id"] for row in rows] == ["digits-1", "digits-2", "digits-3"]
    assert all(0 < float(row["brightness"]) < 1 < float(row["jpeg"]) for row in rows)
    assert all(row["prompt"] in set("0123456789") for row in rows)
