from __future__ import annotations

from pathlib import Path

import pytest

from molvm.chem.io import write_sdf
from molvm.chem.molecule import Molecule
from molvm.errors import InputFileError
from molvm.interop import openbabel
from molvm.interop.files import read_molecules


def test_both_kinds_of_files_are_read(tmp_path: Path, small: list[Molecule]) -> None:
    write_sdf(tmp_path / "own.sdf", small)
    openbabel.write_molecules(tmp_path / "other.mol2", small)
    own, other = read_molecules(tmp_path / "own.sdf"), read_molecules(str(tmp_path / "other.mol2"))
    assert [record.id for record in own] == [record.id for record in other] == [molecule.id for molecule in small]


def test_what_neither_knows_is_refused(tmp_path: Path) -> None:
    for name in ("in.nonsense", "in"):
        with pytest.raises(InputFileError, match=r"is unknown. Allowed: .csv, .*Try: the ending"):
            read_molecules(tmp_path / name)


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    for name in ("run", "run.sdf"):
        (tmp_path / name).mkdir()
        with pytest.raises(InputFileError, match=rf"{name} is a folder. Allowed: a molecule file. Try: .*best.sdf"):
            read_molecules(tmp_path / name)


def test_plain_text_is_refused_with_what_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("CCO ethanol\n")
    with pytest.raises(InputFileError, match=r"in.txt does not say .*Try: .*\.smi"):
        read_molecules(tmp_path / "in.txt")


def test_records_without_atoms_come_to_an_end(tmp_path: Path) -> None:
    """Open Babel reads a list of titles for ever, as molecules without atoms."""
    (tmp_path / "in.titles").write_text("CCO ethanol\n")
    with pytest.raises(InputFileError, match="finds no molecule"):
        openbabel.read_molecules(tmp_path / "in.titles", "txt", timeout=30.0)


def test_without_open_babel_it_says_what_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openbabel.formats.cache_clear()
    (tmp_path / "openbabel.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InputFileError, match=r"in.mol2 is unknown. Allowed: .csv, .*molvm\[obabel\]"):
        read_molecules(tmp_path / "in.mol2")
