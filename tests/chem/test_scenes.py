from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import molvm.chem
from molvm.chem.depiction import drawing
from molvm.chem.molecule import Molecule
from molvm.chem.scenes import film, frame, still
from tests.studio.hostile import TEXTS

VIEWER = Path(molvm.chem.__file__).parent / "viewer"


def water(name: str = "water") -> Molecule:
    positions = [[0, 0, 0.117], [0, 0.757, -0.469], [0, -0.757, -0.469]]
    return Molecule([8, 1, 1], positions, [0, 0, 0], [[0, 1], [0, 2]], [1, 1], id=name, properties={name: name})


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_of_a_file_reaches_the_viewer_or_a_drawing(text: str) -> None:
    assert json.dumps(still(water(text))) == json.dumps(still(water()))
    assert drawing(water(text)) == drawing(water())


def test_a_frame_holds_atoms_and_bonds() -> None:
    assert frame(water()) == {
        "atoms": [["O", 0.0, 0.0, 0.117], ["H", 0.0, 0.757, -0.469], ["H", 0.0, -0.757, -0.469]],
        "bonds": [[0, 1, 1], [0, 2, 1]],
    }


def test_what_is_broken_is_drawn_all_the_same() -> None:
    broken = Molecule([200, 6], [[np.nan, 0, 0], [np.inf, 1, 1]], [0, 0], [[0, 1]], [4])
    assert frame(broken)["atoms"][0] == ["X", 0.0, 0.0, 0.0]
    assert drawing(broken).lstrip().startswith("<svg")


def test_an_arrow_lies_along_the_dipole_about_the_middle() -> None:
    start, end = (np.array(point) for point in still(water(), dipole=np.array([0.0, 0.0, 2.0]))["arrow"])
    np.testing.assert_allclose(end - start, [0, 0, 1.2], atol=2e-4)
    np.testing.assert_allclose((start + end) / 2, water().positions.mean(axis=0), atol=1e-4)


def test_a_film_has_a_value_a_frame() -> None:
    scene = film([water(), water()], [0.0, 1.0], [2.0, 1.0])
    assert (len(scene["frames"]), scene["times"], scene["values"]) == (2, [0.0, 1.0], [2.0, 1.0])


def test_the_script_is_the_one_that_was_published() -> None:
    digest, name = (VIEWER / "SHA256SUMS").read_text().split()
    assert hashlib.sha256((VIEWER / name).read_bytes()).hexdigest() == digest


def test_the_viewer_may_load_nothing_from_elsewhere() -> None:
    page = (VIEWER / "index.html").read_text()
    assert "default-src 'none'" in page
    assert "connect-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
