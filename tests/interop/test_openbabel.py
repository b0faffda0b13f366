from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from molvm.chem import openbabel_process
from molvm.chem.molecule import Molecule
from molvm.errors import (
    InputFileError,
    InteropError,
    MissingDependencyError,
    MoleculeError,
    OutputExistsError,
    UnknownNameError,
)
from molvm.interop import openbabel

from .alike import assert_alike

# --- File formats -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["mol2", "cml", "pdb"])
def test_molecules_there_and_back(
    tmp_path: Path, drug_like: list[Molecule], small: list[Molecule], format: str
) -> None:
    molecules, path = [*drug_like, *small], tmp_path / f"all.{format}"
    assert openbabel.write_molecules(path, molecules) == len(molecules)
    records = openbabel.read_molecules(path)
    assert len(records) == len(molecules)
    for record, molecule in zip(records, molecules, strict=True):
        assert record.molecule is not None, record.reason
        assert record.molecule.smiles() == molecule.smiles()
        np.testing.assert_array_equal(record.molecule.elements, molecule.elements)
        np.testing.assert_allclose(record.molecule.positions, molecule.positions, atol=1e-3)
        assert record.id == record.molecule.id


def test_titles_travel_where_the_format_has_them(tmp_path: Path, small: list[Molecule]) -> None:
    path = tmp_path / "all.mol2"
    openbabel.write_molecules(path, small)
    assert [record.id for record in openbabel.read_molecules(path)] == [molecule.id for molecule in small]


def test_formal_charges_travel(tmp_path: Path, charged: list[Molecule]) -> None:
    path = tmp_path / "all.cml"
    openbabel.write_molecules(path, charged)
    for record, molecule in zip(openbabel.read_molecules(path), charged, strict=True):
        assert record.molecule is not None
        assert_alike(record.molecule, molecule, within=1e-3)


def test_the_format_may_be_named(tmp_path: Path, small: list[Molecule]) -> None:
    path = tmp_path / "molecules.txt"
    openbabel.write_molecules(path, small[:2], "MOL2")
    assert len(openbabel.read_molecules(path, "mol2")) == 2


def test_flat_molecules_are_embedded(tmp_path: Path) -> None:
    path = tmp_path / "in.can"
    path.write_text("CCO ethanol\n")
    (record,) = openbabel.read_molecules(path)
    assert record.molecule is not None
    assert (record.id, record.molecule.n_atoms) == ("ethanol", 9)
    assert np.ptp(record.molecule.positions, axis=0).min() > 1


def test_dummy_atoms_and_titles_that_are_not_utf8_do_no_harm(tmp_path: Path, small: list[Molecule]) -> None:
    path = tmp_path / "in.mol2"
    openbabel.write_molecules(path, [replace(small[4], id="title")])
    text = path.read_bytes().replace(b"2 C  ", b"2 Du ").replace(b" C.1 ", b" Du  ")
    path.write_bytes(text.replace(b"title", b"caf\xe9"))
    (record,) = openbabel.read_molecules(path)
    assert record.molecule is not None, record.reason
    assert 0 in record.molecule.elements
    record.id.encode()


def test_formats_are_listed() -> None:
    formats = openbabel.formats()
    assert {"mol2", "pdb", "cml", "xyz"} <= set(formats.readable)
    assert formats.writable["mol2"] == "Sybyl Mol2 format"
    assert "g09" not in formats.writable


def test_unknown_formats_are_refused(tmp_path: Path, small: list[Molecule]) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'mol2'"):
        openbabel.read_molecules(tmp_path / "x.moll2")
    with pytest.raises(UnknownNameError, match="Open Babel writes"):
        openbabel.write_molecules(tmp_path / "x.g09", small)


def test_bad_files_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "in.mol2"
    with pytest.raises(InputFileError, match="cannot be read"):
        openbabel.read_molecules(path)
    path.write_text("nonsense\n")
    with pytest.raises(InputFileError, match="no molecule"):
        openbabel.read_molecules(path)


def test_where_open_babel_stops_there_is_a_record_with_its_reason(tmp_path: Path, small: list[Molecule]) -> None:
    path = tmp_path / "in.cml"
    openbabel.write_molecules(path, small[:3])
    text = path.read_text()
    path.write_text(text[: text.rindex("<molecule") + 20])
    *whole, last = openbabel.read_molecules(path)
    assert [record.id for record in whole] == [molecule.id for molecule in small[:2]]
    assert "the rest of the file is unread" in (last.reason or "")


def test_files_are_written_whole_or_not_at_all(tmp_path: Path, small: list[Molecule]) -> None:
    path = tmp_path / "one.cml"
    path.write_text("mine")
    with pytest.raises(OutputExistsError):
        openbabel.write_molecules(path, small)
    with pytest.raises(InteropError, match="holds one molecule"):
        openbabel.write_molecules(tmp_path / "many.gau", small)
    assert [one.name for one in tmp_path.iterdir()] == ["one.cml"]
    assert path.read_text() == "mine"


# --- Perception -------------------------------------------------------------------------------------------------


def test_bonds_are_perceived(small: list[Molecule]) -> None:
    for molecule in small:
        back = openbabel.perceive_bonds(molecule.elements, molecule.positions, id=molecule.id)
        np.testing.assert_array_equal(back.positions, molecule.positions)
        assert back.smiles() == molecule.smiles()


def test_charges_follow_from_the_valences(charged: list[Molecule]) -> None:
    for molecule in charged:
        back = openbabel.perceive_bonds(molecule.elements, molecule.positions, charge=molecule.charge, id=molecule.id)
        assert back.smiles() == molecule.smiles()


def test_another_total_charge_is_refused(small: list[Molecule]) -> None:
    with pytest.raises(MoleculeError, match=r"total charge \+0, not \+1"):
        openbabel.perceive_bonds(small[0].elements, small[0].positions, charge=1)


def test_radicals_are_refused() -> None:
    methyl = [[0.0, 0, 0], [1.08, 0, 0], [-0.54, 0.935, 0], [-0.54, -0.935, 0]]
    with pytest.raises(MoleculeError, match="element 6 with valence 3"):
        openbabel.perceive_bonds([6, 1, 1, 1], methyl)


def test_what_are_no_atoms_is_refused() -> None:
    for elements, positions in (([], []), ([6, 1], [[0.0, 0, 0]]), ([6], [[np.nan, 0, 0]]), ([300], [[0.0, 0, 0]])):
        with pytest.raises(MoleculeError):
            openbabel.perceive_bonds(elements, positions)


# --- The process ------------------------------------------------------------------------------------------------


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Replaces what runs in the process."""

    def run_instead(program: str) -> None:
        path = tmp_path / "worker.py"
        path.write_text(program)
        monkeypatch.setattr(openbabel_process, "WORKER", path)

    return run_instead


def test_a_crash_is_an_error(worker: Callable[[str], None]) -> None:
    worker("import os, sys; print('terrible', file=sys.stderr, flush=True); os.abort()")
    with pytest.raises(InteropError, match=r"status -6. terrible Try:"):
        openbabel.perceive_bonds([18], [[0, 0, 0]])


def test_a_hang_is_an_error(worker: Callable[[str], None]) -> None:
    worker("import time; time.sleep(60)")
    with pytest.raises(InteropError, match=r"longer than 0.5 s"):
        openbabel.perceive_bonds([18], [[0, 0, 0]], timeout=0.5)


def test_without_open_babel_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openbabel.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"pip install 'molvm\[obabel\]'"):
        openbabel.perceive_bonds([18], [[0, 0, 0]])


def test_open_babel_is_not_loaded_into_this_process() -> None:
    program = (
        "import sys; from molvm.interop import openbabel as o; o.perceive_bonds([18], [[0, 0, 0]]);"
        "assert not {'openbabel', '_openbabel'} & {n.split('.')[0] for n in sys.modules}"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
