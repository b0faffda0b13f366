"""The studio in a real browser, on a real run."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import FrameLocator, Page, expect
from rdkit import Chem

from molvm.runs.directory import RunDirectory
from molvm.runs.manifest import Manifest
from tests.browser.conftest import MOLECULES, ROUNDS, SHOT, Studio
from tests.studio.hostile import TEXTS

GIVEN = {
    "phenol": "Oc1ccccc1",
    "broken": "not-a-smiles",
    "ethanol": "CCO",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "nicotine": "CN1CCCC1c1cccnc1",
}
"""What is scored; all but one are molecules."""


def frame(page: Page) -> FrameLocator:
    """The viewer's own frame."""
    return page.frame_locator("iframe[title*=molvm_viewer]")


def colours(page: Page) -> int:
    """How many different colours the 3D picture has."""
    canvas = frame(page).locator(".molvm-canvas")
    expect(frame(page).locator("#scene[data-drawn=yes]")).to_be_visible()
    picture = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
    return len(picture.getcolors(maxcolors=1 << 24) or [])


def test_runs_show_their_curves(studio: Studio, screenshots: Path) -> None:
    page = studio.open("?run=tpsa")
    expect(page.get_by_text(f"{ROUNDS} of {ROUNDS}")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg")).to_have_count(4)
    studio.shoot(screenshots, "runs", 900)


def test_a_thousand_molecules_are_filtered_sorted_and_taken_away(crowded_studio: Studio) -> None:
    page = crowded_studio.open("gallery?run=thousand.sdf&smarts=%5B%238%5D&sort=atoms&valid=true")
    told = page.get_by_text(re.compile(rf"of {MOLECULES} molecules"))
    count = int(re.findall(r"(\d+) of", told.inner_text())[0])
    assert 0 < count < MOLECULES
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name="SDF").click()
    read = list(Chem.SDMolSupplier(str(download.value.path()), removeHs=False))
    oxygen = Chem.MolFromSmarts("[#8]")
    assert len(read) == count
    assert all(mol.HasSubstructMatch(oxygen) for mol in read)
    sizes = [mol.GetNumAtoms() for mol in read]
    assert sizes == sorted(sizes, reverse=True)


def test_a_gallery_shows_molecules(studio: Studio, screenshots: Path) -> None:
    page = studio.open("gallery?run=tpsa")
    expect(page.get_by_test_id("stImage")).to_have_count(24)
    studio.shoot(screenshots, "gallery")


def test_what_is_selected_stands_in_the_address(studio: Studio) -> None:
    page = studio.open("gallery?run=tpsa")
    page.get_by_test_id("stCheckbox").filter(has_text=re.compile(r"^\d+-\d+$")).nth(1).click()
    expect(page.get_by_text("take away the 1 selected")).to_be_visible()
    assert "selected=" in page.url
    studio.open(page.url.removeprefix(studio.address + "/"))
    expect(page.get_by_text("take away the 1 selected")).to_be_visible()


def test_images_are_shown_and_taken_away(studio: Studio, screenshots: Path) -> None:
    page = studio.open("images?run=digits&descending=false")
    expect(page.get_by_text("96 of 96 images")).to_be_visible()
    expect(page.get_by_test_id("stImage")).to_have_count(48)
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name="PNG").click()
    archive = zipfile.ZipFile(download.value.path())
    assert len(archive.namelist()) == 97
    values = [float(row["value"]) for row in csv.DictReader(io.StringIO(archive.read("images.csv").decode()))]
    assert values == sorted(values)
    studio.shoot(screenshots, "images")


def test_a_molecule_is_drawn_relaxed_and_measured(studio: Studio, screenshots: Path) -> None:
    page = studio.open("molecule?run=tpsa")
    assert colours(page) > 100
    expect(page.get_by_text("relaxed with GFN-FF")).to_be_visible()
    expect(page.get_by_text("1 Å a debye")).to_be_visible()
    studio.settle()
    shown = Image.open(io.BytesIO(frame(page).locator(".molvm-canvas").screenshot())).convert("RGB")
    violet = [n for n, (red, green, blue) in shown.getcolors(maxcolors=1 << 24) or [] if blue > red > green + 30]
    assert sum(violet) > 500  # the whole arrow, which no atom hides
    studio.shoot(screenshots, "molecule", 1120)


def test_a_path_is_drawn_and_played(studio: Studio, screenshots: Path) -> None:
    steps, atoms = (60, 18) if SHOT else (12, 12)
    page = studio.open(f"trajectory?run=tpsa&steps={steps}&atoms={atoms}")
    page.get_by_role("button", name="Draw it").click()
    scene = frame(page).locator("#scene")
    expect(scene).to_have_attribute("data-frame", str(steps))
    frame(page).get_by_role("slider").fill("0")
    expect(scene).to_have_attribute("data-frame", "0")
    frame(page).get_by_role("button", name="Play").click()
    expect(scene).to_have_attribute("data-frame", str(steps))
    expect(frame(page).locator("svg path")).to_have_count(1)
    assert colours(page) > 100
    studio.settle()
    studio.shoot(screenshots, "trajectory")


def test_a_run_is_compared_with_its_base(studio: Studio, screenshots: Path) -> None:
    page = studio.open("compare?runs=tpsa&count=2")
    expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg")).to_have_count(2)
    page.get_by_role("button", name="Draw pairs").click()
    expect(page.get_by_test_id("stImage")).to_have_count(4)
    studio.settle()
    studio.shoot(screenshots, "compare", 1440)


def test_a_file_is_scored_and_its_failures_are_told(studio: Studio, tmp_path: Path, screenshots: Path) -> None:
    given = tmp_path / "given.smi"
    given.write_text("".join(f"{smiles} {name}\n" for name, smiles in GIVEN.items()))
    page = studio.open("score?rewards=qed&rewards=logp")
    page.locator("input[type=file]").set_input_files(given)
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.get_by_test_id("stMetric").filter(has_text="With a failure")).to_contain_text("1")
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name="CSV").click()
    rows = download.value.path().read_text().splitlines()
    assert rows[0] == "id,smiles,qed,logp,failure,reason,seconds"
    assert [row.split(",")[0] for row in rows[1:]] == list(GIVEN)
    studio.settle()
    studio.shoot(screenshots, "score", 800)


def test_a_file_over_the_limit_gets_a_message(studio: Studio, tmp_path: Path) -> None:
    given = tmp_path / "large.smi"
    given.write_bytes(b"C\n" * 10_600_000)
    page = studio.open("score")
    page.locator("input[type=file]").set_input_files(given)
    expect(page.get_by_text(re.compile("20(\\.0)? ?MB or smaller"))).to_be_visible()


def test_a_run_is_launched_and_stopped_whole(studio: Studio, runs: Path, screenshots: Path) -> None:
    # Four steps make no sound molecules, which a run would give up on after five rounds, on a fast machine before Stop.
    batch, steps = (16, 24) if SHOT else (4, 4)
    link = (
        f"launch?name=mine&training.iterations=500&training.batch_size={batch}&sampling.steps={steps}&reward.name=qed"
        "&training.strength=60&reward.patience=1000&value.size=A"
    )
    page = studio.open(link)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_test_id("stProgress")).to_contain_text(re.compile("iteration [1-9]"))
    studio.shoot(screenshots, "launch", 720)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped, with a whole checkpoint")).to_be_visible()
    directory = RunDirectory(runs / "mine")
    assert Manifest.load(directory.manifest).status == "interrupted"
    assert any(directory.checkpoints.iterdir())


@pytest.mark.parametrize("place", ["gallery?run=hostile.sdf", "molecule?run=hostile.sdf", "gallery?run=..%2F..%2Fetc"])
def test_nothing_that_a_file_says_is_run(studio: Studio, place: str) -> None:
    page = studio.open(place)
    assert page.evaluate("window.hacked") is None
    assert page.locator("a[href^='javascript']").count() == 0
    assert page.locator("img[src='x']").count() == 0
    assert page.get_by_text("root:x:").count() == 0


def test_a_hostile_title_is_shown_as_it_is(studio: Studio) -> None:
    page = studio.open("gallery?run=hostile.sdf")
    expect(page.get_by_text(TEXTS[0][:20]).first).to_be_visible()


def test_a_hostile_upload_is_scored_as_text(studio: Studio, runs: Path) -> None:
    page = studio.open("score")
    page.locator("input[type=file]").set_input_files(runs / "hostile.sdf")
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.get_by_test_id("stMetric").filter(has_text="Records")).to_contain_text(str(len(TEXTS)))
    assert page.evaluate("window.hacked") is None
