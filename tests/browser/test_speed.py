"""How long people wait: with a thousand molecules, with ten thousand, and with large ones."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import MANY, MOLECULES, Studio

PAGE_SECONDS = 3.0
"""From asking for a page to its content."""

TRIES = 3
"""The fastest counts: the machine may have other things to do, and what a server reads once it remembers."""


def charts(page: Page) -> Locator:
    return page.get_by_test_id("stVegaLiteChart").locator("canvas, svg")


def runs_are_there(page: Page) -> None:
    expect(page.get_by_text("10 of 10")).to_be_visible()
    expect(charts(page)).to_have_count(4)


def gallery_is_there(page: Page) -> None:
    expect(page.get_by_text(re.compile(f"of {MOLECULES} molecules"))).to_be_visible()
    expect(page.get_by_test_id("stImage").locator("img, svg")).to_have_count(24)


def images_are_there(page: Page) -> None:
    expect(page.get_by_text(re.compile(f"of {MOLECULES} images"))).to_be_visible()
    expect(page.get_by_test_id("stImage")).to_have_count(48)


def molecule_is_there(page: Page) -> None:
    scene = page.frame_locator("iframe[title*=molvm_viewer]").locator("#scene[data-drawn=yes]")
    expect(scene).to_be_visible()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()


def trajectory_is_there(page: Page) -> None:
    expect(page.get_by_role("button", name="Draw it")).to_be_visible()


def comparison_is_there(page: Page) -> None:
    expect(charts(page)).to_have_count(2)
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()


def scores_are_there(page: Page) -> None:
    expect(page.get_by_test_id("stMetric").filter(has_text="Records")).to_contain_text(str(MOLECULES))
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()


def launch_is_there(page: Page) -> None:
    expect(page.get_by_role("button", name="Start")).to_be_visible()


@pytest.mark.parametrize(
    ("address", "is_there"),
    [
        ("?run=thousand", runs_are_there),
        ("gallery?run=thousand", gallery_is_there),
        ("gallery?run=thousand.sdf", gallery_is_there),
        ("images?run=images", images_are_there),
        ("molecule?run=thousand", molecule_is_there),
        ("trajectory?run=thousand", trajectory_is_there),
        ("compare?runs=thousand", comparison_is_there),
        ("score?scores=abc", scores_are_there),
        ("launch", launch_is_there),
    ],
)
def test_a_page_is_there_within_three_seconds(
    crowded_studio: Studio, address: str, is_there: Callable[[Page], None]
) -> None:
    taken = []
    while len(taken) < TRIES and min(taken, default=PAGE_SECONDS) >= PAGE_SECONDS:
        start = time.monotonic()
        crowded_studio.page.goto(f"{crowded_studio.address}/{address}")
        is_there(crowded_studio.page)
        taken.append(time.monotonic() - start)
        crowded_studio.settle()
    print(f"{address}: {', '.join(f'{seconds:.2f}' for seconds in taken)} s")  # noqa: T201 - shown by pytest -rA
    assert min(taken) < PAGE_SECONDS


def test_ten_thousand_molecules_are_looked_through(crowded_studio: Studio) -> None:
    page = crowded_studio.open("gallery?run=many.sdf")
    expect(page.get_by_text(f"{MANY} of {MANY} molecules")).to_be_visible()
    page.get_by_label("Substructure (SMARTS)").fill("[#7]")
    page.get_by_label("Substructure (SMARTS)").press("Enter")
    expect(page.get_by_text(f"{MANY} of {MANY} molecules")).to_have_count(0)
    crowded_studio.settle()
    start = time.monotonic()
    page.get_by_label("Substructure (SMARTS)").fill("[#8]")
    page.get_by_label("Substructure (SMARTS)").press("Enter")
    page.wait_for_url("**smarts=%5B%238%5D**")
    crowded_studio.settle()
    assert time.monotonic() - start < 2 * PAGE_SECONDS
    page = crowded_studio.open("molecule?run=many.sdf&id=m7+%289%29&relax=false")
    molecule_is_there(page)
    expect(page.get_by_label("Molecule, the best first")).to_have_value("m7 (9)")


def test_a_large_molecule_is_there_before_it_is_relaxed(crowded_studio: Studio) -> None:
    crowded_studio.page.goto(f"{crowded_studio.address}/molecule?run=large.sdf")
    expect(crowded_studio.page.get_by_text("Relaxing 203 atoms")).to_be_visible()
    molecule_is_there(crowded_studio.page)
    page = crowded_studio.open("gallery?run=large.sdf")
    expect(page.get_by_test_id("stImage").locator("img, svg")).to_have_count(24)


def test_nobody_waits_for_what_was_asked_about_a_molecule_that_is_left(crowded_studio: Studio) -> None:
    at_work = "PoseBusters is at work"
    crowded_studio.page.goto(f"{crowded_studio.address}/molecule?run=large.sdf&posebusters=true&relax=false")
    expect(crowded_studio.page.get_by_text(at_work).first).to_be_visible()  # and for a minute more
    start = time.monotonic()
    page = crowded_studio.open("molecule?run=thousand.sdf&posebusters=true&relax=false&id=m7")
    expect(page.get_by_test_id("stDataFrame")).to_have_count(2)
    expect(page.get_by_text(at_work)).to_have_count(0)
    assert time.monotonic() - start < 30


def test_ten_thousand_molecules_are_scored_beside_the_page(crowded_studio: Studio, crowded: Path) -> None:
    page = crowded_studio.open("score?rewards=logp")
    page.locator("input[type=file]").set_input_files(crowded / "many.sdf")
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
