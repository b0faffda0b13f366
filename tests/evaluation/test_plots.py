from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, OutputExistsError
from molvm.evaluation.metrics import summarise
from molvm.evaluation.plots import draw, reference_curve
from molvm.evaluation.quantities import COMPARED
from molvm.evaluation.reference import REFERENCE_NAMES, load_reference


def test_a_figure_is_a_function_of_the_metrics(sound: list[Molecule], tmp_path: Path) -> None:
    summary, reference = summarise(sound[:3]), load_reference("qm9")
    for name, beside in (("a", reference), ("b", reference), ("c", None)):
        draw(summary, tmp_path / f"{name}.svg", beside)
    first, again, alone = ((tmp_path / f"{name}.svg").read_bytes() for name in "abc")
    assert first == again
    assert first != alone


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("PDF", b"%PDF")])
def test_the_ending_decides_the_format(sound: list[Molecule], tmp_path: Path, ending: str, start: bytes) -> None:
    draw(summarise(sound[:1], energies=False), tmp_path / f"a.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes().startswith(start)


def test_nothing_to_draw_but_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It would keep every figure, and choose a window system.
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    nothing = Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[])
    draw(summarise([nothing]), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 1000


@pytest.mark.parametrize("name", REFERENCE_NAMES)
def test_the_reference_is_a_distribution_over_its_bins(name: str) -> None:
    reference = load_reference(name)
    assert reference_curve(reference, "fragments") is None
    for quantity in ("atoms", "energy", *COMPARED):
        curve = reference_curve(reference, quantity)
        if curve is None:
            assert name == "geom"
            continue
        bins, shares = curve
        assert len(shares) == bins.number
        assert np.sum(shares) == pytest.approx(1.0)


def test_other_endings_and_missing_folders_are_refused(sound: list[Molecule], tmp_path: Path) -> None:
    summary = summarise(sound[:1])
    with pytest.raises(ConfigError, match=r"\.svg"):
        draw(summary, tmp_path / "a.jpg")
    with pytest.raises(OutputExistsError):
        draw(summary, tmp_path / "missing" / "a.svg")
