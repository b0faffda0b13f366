"""What libraries abort on or answer with nonsense never reaches them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from molvm.chem.engines.base import frontier_gap
from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.engines.quiet import private_directory, silenced
from molvm.chem.engines.tblite import TBLite
from molvm.chem.engines.xtb import XTBForceField, XTBPython
from molvm.errors import EngineError, MissingDependencyError

Evaluate = Callable[[np.ndarray, np.ndarray], object]
ENGINES: dict[str, Evaluate] = {
    "gfnff": lambda elements, positions: GFNFF(elements, positions).energy_and_gradient(positions),
    "tblite": lambda elements, positions: TBLite()(elements, positions, 0),
}
METHODS = ["tblite"]
if sys.version_info < (3, 12):  # xtb-python has no wheels for later ones
    ENGINES["xtb force field"] = lambda elements, positions: XTBForceField(elements, positions).energy_and_gradient(
        positions
    )
    ENGINES["xtb"] = lambda elements, positions: XTBPython()(elements, positions, 0)
    METHODS.append("xtb")
WATER = np.array([[0.0, 0.0, 0.0], [1.81, 0.0, 0.0], [-0.45, 1.76, 0.0]])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("elements", "positions"),
    [
        ([0, 1, 1], WATER),
        ([120, 1, 1], WATER),
        ([8, 1], WATER),
        ([], np.empty((0, 3))),
        ([8, 1, 1], np.where(WATER > 1.8, np.nan, WATER)),
        ([8, 1, 1], np.where(WATER > 1.8, np.inf, WATER)),
    ],
    ids=["Z = 0", "Z = 120", "too few elements", "empty", "nan", "inf"],
)
def test_impossible_input_is_refused(engine: str, elements: list[int], positions: np.ndarray) -> None:
    with pytest.raises(EngineError):
        ENGINES[engine](np.array(elements, dtype=np.uint8), positions)


@pytest.mark.parametrize("engine", METHODS)
def test_a_field_that_does_not_converge_is_an_error(engine: str, paracetamol: object) -> None:
    positions = 20.0 * paracetamol.positions  # type: ignore[attr-defined]
    with pytest.raises(EngineError):
        ENGINES[engine](paracetamol.elements, positions)  # type: ignore[attr-defined]


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_are_silent_and_leave_no_files(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ENGINES[engine](np.array([8, 1, 1], dtype=np.uint8), WATER)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xtb", None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        XTBPython()(np.array([8, 1, 1], dtype=np.uint8), WATER, 0)


def test_silence_ends(capfd: pytest.CaptureFixture[str]) -> None:
    with silenced():
        os.write(1, b"unseen")
        os.write(2, b"unseen")
    os.write(1, b"seen")
    assert capfd.readouterr() == ("seen", "")


def test_a_private_directory_vanishes() -> None:
    before = Path.cwd()
    with private_directory():
        inside = Path.cwd()
        Path("file").write_text("x")
        assert inside != before
    assert Path.cwd() == before
    assert not inside.exists()


def test_gap_of_a_full_shell_is_not_a_number() -> None:
    assert frontier_gap(np.array([-1.0, -0.5, 0.25]), np.array([2.0, 2.0, 0.0])) == 0.75
    assert np.isnan(frontier_gap(np.array([-1.0]), np.array([2.0])))
