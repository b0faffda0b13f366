from __future__ import annotations

from pathlib import Path

import pytest

from molvm.chem.io import write_sdf
from molvm.chem.known import known_smiles
from molvm.chem.molecule import Molecule
from molvm.errors import InputFileError


def test_every_kind_of_file_gives_the_same(tmp_path: Path, small: list[Molecule]) -> None:
    smiles = [str(molecule.smiles()) for molecule in small]
    (tmp_path / "a.smi").write_text("smiles\n" + "".join(f"{each} name\n" for each in smiles))
    (tmp_path / "a.csv").write_text("id,SMILES\n" + "".join(f"x,{each}\n" for each in smiles))
    write_sdf(tmp_path / "a.sdf", small)
    for name in ("a.smi", "a.csv", "a.sdf"):
        assert known_smiles(tmp_path / name) == set(smiles), name


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.smi"
    path.write_text("OCC\nnonsense\nCCO\n")
    assert known_smiles(path) == {"CCO"}
    path.write_text("nonsense\n")
    with pytest.raises(InputFileError, match="no molecule"):
        known_smiles(path)


@pytest.mark.parametrize("name", ["missing.smi", "missing.sdf", "missing.docx", "no_column.csv"])
def test_files_that_are_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "no_column.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputFileError):
        known_smiles(tmp_path / name)
