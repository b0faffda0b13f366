from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rdkit import Chem

from molvm.datasets.inert_pickle import FAULTS, MolBytes, molecule_bytes, read_small, stream_list
from tests.datasets.geom_files import conformers


class Trap:
    """Makes a file when it is unpickled as usual."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return (os.mkdir, (str(self.path),))  # type: ignore[return-value]


def streamed(content: bytes) -> list[Any]:
    portions: list[Any] = []
    stream_list(io.BytesIO(content), portions.extend)
    return portions


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_molecules_come_as_their_bytes(protocol: int, tmp_path: Path) -> None:
    mols = conformers("CC(=O)[O-]", 3)
    content = pickle.dumps([("first", mols[:2]), ("second", mols[2:])], protocol=protocol)
    (tmp_path / "file").write_bytes(content)
    for entries in (streamed(content), read_small(tmp_path / "file")):
        assert [smiles for smiles, _ in entries] == ["first", "second"]
        found = [Chem.Mol(each) for _, listed in entries for each in molecule_bytes(listed)]
        for mol, original in zip(found, mols, strict=True):
            # RDKit's binary form has single precision.
            given = original.GetConformer().GetPositions()
            np.testing.assert_allclose(mol.GetConformer().GetPositions(), given, atol=1e-6)
            assert Chem.MolToSmiles(mol) == Chem.MolToSmiles(original)


def test_nothing_that_a_pickle_names_is_called(tmp_path: Path) -> None:
    content = pickle.dumps([("CC", [Trap(tmp_path / "sprung")])])
    (tmp_path / "file").write_bytes(content)
    for entries in (streamed(content), read_small(tmp_path / "file")):
        with pytest.raises(pickle.UnpicklingError, match="no RDKit molecule"):
            list(molecule_bytes(entries[0][1]))
    assert not (tmp_path / "sprung").exists()
    pickle.loads(content)  # noqa: S301 # the trap works
    assert (tmp_path / "sprung").exists()


def test_everything_else_is_passed_over(tmp_path: Path) -> None:
    others = {
        "number": np.float64(1.5),
        "array": np.arange(3),
        "fraction": Fraction(1, 2),
        "ordered": OrderedDict(a=1),
        "set": {1},
        "mol": conformers("C", 1)[0],
    }
    (tmp_path / "file").write_bytes(pickle.dumps(others))
    content = read_small(tmp_path / "file")
    assert isinstance(content["mol"], MolBytes)
    assert not isinstance(content["array"], np.ndarray)


def test_a_long_list_is_read_in_portions_and_forgotten() -> None:
    mol = conformers("C", 1)[0]
    entries = [(f"C{number}", [Chem.Mol(mol)]) for number in range(2500)]
    portions: list[int] = []
    stream_list(io.BytesIO(pickle.dumps(entries)), lambda items: portions.append(len(items)))
    assert portions == [1000, 1000, 500]


def test_what_refers_to_a_forgotten_entry_is_refused() -> None:
    mol = conformers("C", 1)[0]
    entries = [(f"C{number}", [mol]) for number in range(1500)]
    with pytest.raises(FAULTS):
        streamed(pickle.dumps(entries))


@pytest.mark.parametrize("content", [b"", b"mine", pickle.dumps({"a": 1}), pickle.dumps([("C", [])])[:-9]])
def test_something_else_is_a_fault(content: bytes) -> None:
    with pytest.raises(FAULTS):
        streamed(content)
