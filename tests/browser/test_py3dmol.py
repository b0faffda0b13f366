"""A py3Dmol view as a notebook shows it, without a network."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, expect

from molvm.chem.molecule import Molecule
from molvm.interop.py3dmol import to_py3dmol
from tests.browser.conftest import PATIENCE


def test_a_view_is_drawn_offline(browser: Browser, tmp_path: Path) -> None:
    phenol = Molecule.from_smiles("Oc1ccccc1")
    view = to_py3dmol(phenol, relaxed=phenol.positions + 0.1, dipole=np.array([0.0, 1.4, 0.0]))
    file = tmp_path / "view.html"
    file.write_text(f"<!doctype html><body>{view.write_html()}</body>", encoding="utf-8")
    page = browser.new_context(offline=True).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    canvas = page.locator("canvas").first
    expect(canvas).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(500)
    colours = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB").getcolors(maxcolors=1 << 24) or []
    assert len(colours) > 100
    shown = {colour for _, colour in colours}
    assert any(red > 150 > green > 80 > blue for red, green, blue in shown)  # the relaxed geometry
    assert any(blue > red > green + 30 for red, green, blue in shown)  # the dipole
    assert all(url.startswith((file.as_uri(), "data:", "blob:")) for url in asked)
