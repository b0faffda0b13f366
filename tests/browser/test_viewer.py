"""The 3D picture by itself, without the studio around it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from molvm.chem.molecule import Molecule
from molvm.chem.scenes import axes, still
from molvm.chem.viewing import frame_html


@pytest.mark.parametrize("width", [720, 380])
@pytest.mark.parametrize("debye", [20.0, -2.0])
def test_a_dipole_is_seen_with_its_value(browser: Browser, width: int, debye: float) -> None:
    """All of the arrow is inside of the picture, and its value beside its middle, where no end can hide it."""
    molecule = Molecule.from_smiles("[NH3+]CCCCCC(=O)[O-]")
    page = browser.new_page(viewport={"width": width, "height": 490})
    page.set_content(frame_html(still(molecule, dipole=debye * axes(molecule)[0])))
    page.frame_locator("iframe").locator("#scene[data-drawn=yes]").wait_for()
    canvas = page.frame_locator("iframe").locator(".molvm-canvas").screenshot()
    page.close()
    red, green, blue = np.moveaxis(np.asarray(Image.open(io.BytesIO(canvas)).convert("RGB"), dtype=int), 2, 0)
    violet = (blue > red) & (red > green + 30)
    rows, columns = np.nonzero(violet)
    assert 4 < columns.min() <= columns.max() < violet.shape[1] - 5
    middle = (columns.min() + columns.max()) // 2
    beside = np.nonzero(violet[:, middle - 20 : middle + 20].any(axis=1))[0]
    assert np.ptp(beside) > 15, "the text, above or below the arrow"
    assert 4 < rows.min() <= rows.max() < violet.shape[0] - 5
