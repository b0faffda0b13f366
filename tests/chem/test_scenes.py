from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

import molvm.chem
from molvm.chem.depiction import drawing
from molvm.chem.molecule import Molecule
from molvm.chem.scenes import Scene, axes, film, frame, still
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


def places(scene: Scene) -> NDArray[np.float64]:
    """(n, 3) where the atoms of the last frame are."""
    return np.array([atom[1:] for atom in scene["frames"][-1]["atoms"]])


@pytest.mark.parametrize("dipole", [[0.0, 0.0, 2.0], [0.3, -4.0, 1.0], [2.0, 0.0, 0.0]])
@pytest.mark.parametrize("smiles", ["O", "c1ccccc1O", "CCCCN"])
def test_an_arrow_is_an_angstrom_a_debye_long_and_clear_of_all_atoms(smiles: str, dipole: list[float]) -> None:
    molecule, vector = Molecule.from_smiles(smiles), np.array(dipole)
    scene = still(molecule, dipole=vector)
    start, end = (np.array(point) for point in scene["arrow"])
    atoms, length = places(scene), np.linalg.norm(vector)
    np.testing.assert_allclose(end - start, [length, 0, 0], atol=2e-4)  # in the plane that is seen
    assert scene["debye"] == pytest.approx(length, abs=1e-4)
    assert np.abs(atoms[:, 1] - start[1]).min() > 1.2  # no atom before or behind it
    own = molecule.positions
    np.testing.assert_allclose((atoms - atoms[0]) @ [length, 0, 0], (own - own[0]) @ vector, atol=0.01)


def test_a_molecule_is_seen_from_where_it_is_broadest() -> None:
    turn = Rotation.from_euler("xyz", [0.3, 1.0, -2.0])
    benzene = Molecule.from_smiles("c1ccccc1")
    turned = replace(benzene, positions=turn.apply(np.array(benzene.positions)))
    for scene in (still(turned), film([benzene, turned], [0.0, 1.0], None)):
        assert np.ptp(places(scene)[:, 2]) < 0.2
    moved = still(turned, turned.positions + np.array([0.0, 0.0, 0.5]))
    apart = np.array([atom[1:] for atom in moved["overlay"]["atoms"]]) - places(moved)
    np.testing.assert_allclose(np.linalg.norm(apart, axis=1), 0.5, atol=1e-3)
    np.testing.assert_allclose(np.linalg.det(axes(turned)), 1.0)  # no mirror image
    for few in (Molecule([6], [[1, 2, 3]], [0], [], []), Molecule([], [], [], [], [])):
        right, up, towards = axes(few)
        np.testing.assert_allclose(np.cross(right, up), towards)


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
