"""The report of a run as people open it: a file, without a network."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from molvm.reporting.evidence import collect
from molvm.reporting.report import page as report_page
from tests.browser.conftest import PATIENCE
from tests.studio.hostile import TEXTS


@pytest.fixture
def sheet(browser: Browser) -> Page:
    """A page that may reach nothing but files."""
    context = browser.new_context(offline=True, viewport={"width": 1160, "height": 1150})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    return page


def open_file(page: Page, path: Path) -> list[str]:
    """Open it, and what goes wrong in it from now on."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((path.as_uri(), "data:", "blob:")) else complaints.append(request.url)
        ),
    )
    page.goto(path.as_uri())
    expect(page.locator("#stage[data-drawn=yes]")).to_be_visible()
    return complaints


def colours(page: Page) -> int:
    canvas = page.locator("#stage .molvm-canvas")
    return len(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB").getcolors(maxcolors=1 << 24) or [])


def test_a_report_shows_its_molecules(sheet: Page, runs: Path, tmp_path: Path, screenshots: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_page(collect(runs / "tpsa", 8)), encoding="utf-8")
    complaints = open_file(sheet, path)
    assert colours(sheet) > 100
    sheet.locator(".card").nth(1).click()
    expect(sheet.locator("#stage")).to_have_attribute("data-index", "1")
    expect(sheet.locator("#stage-label")).to_contain_text("2: ")
    widths = sheet.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert all(width > 0 for width in widths)
    assert complaints == []
    sheet.evaluate("document.getElementById('best').scrollIntoView()")
    sheet.mouse.move(5, 5)
    sheet.screenshot(path=screenshots / "report.png")
    assert sheet.pdf().startswith(b"%PDF")
    sheet.set_viewport_size({"width": 390, "height": 800})
    assert sheet.evaluate("document.documentElement.scrollWidth") == 390  # a phone scrolls downwards only


def test_nothing_that_a_run_says_is_run(sheet: Page, runs: Path, tmp_path: Path) -> None:
    evidence = collect(runs / "tpsa", 3)
    text = " ".join(TEXTS)
    best = [replace(one, smiles=text, molecule=replace(one.molecule, id=text)) for one in evidence.best]
    path = tmp_path / "report.html"
    hostile = replace(evidence, name=text, manifest=replace(evidence.manifest, reward=text, unit=text), best=best)
    path.write_text(report_page(hostile), encoding="utf-8")
    complaints = open_file(sheet, path)
    sheet.locator(".card").nth(1).click()
    assert sheet.evaluate("window.hacked") is None
    expect(sheet.locator("h1")).to_have_text(text)
    assert sheet.locator("a[href^='javascript'], img[src='x']").count() == 0
    assert complaints == []
