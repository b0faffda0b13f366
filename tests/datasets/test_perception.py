from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molvm.datasets.perception import Geometry, perceive
from molvm.datasets.record import Dropped, MoleculeRecord

TYPES = {"C": 0, "H": 1, "N": 2, "O": 3}


def embedded(smiles: str) -> Geometry:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=7) == 0
    symbols = tuple(atom.GetSymbol() for atom in mol.GetAtoms())
    return Geometry(1, symbols, tuple(map(tuple, mol.GetConformer().GetPositions().tolist())))


def test_benzene_is_kekulised() -> None:
    record = perceive(embedded("c1ccccc1"), TYPES)
    assert isinstance(record, MoleculeRecord)
    assert np.bincount(record.bonds, minlength=4).tolist() == [12 * 11 // 2 - 12, 9, 3, 0]


def test_bonds_are_the_pairs_of_the_upper_triangle_row_by_row() -> None:
    record = perceive(embedded("C=O"), TYPES)
    assert isinstance(record, MoleculeRecord)
    assert record.types.tolist() == [0, 3, 1, 1]
    assert record.bonds.tolist() == [2, 1, 1, 0, 0, 0]
    assert record.bonds.dtype == np.uint8


def test_a_zwitterion_gets_its_charges() -> None:
    record = perceive(embedded("C[N+](C)(C)CC(=O)[O-]"), TYPES)
    assert isinstance(record, MoleculeRecord)
    assert sorted(record.charges[record.charges != 0].tolist()) == [-1, 1]


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        (Geometry(4, ("Cl", "H"), ((0.0, 0.0, 0.0), (1.27, 0.0, 0.0))), "unknown_element"),
        (Geometry(4, ("H", "H", "H"), ((0.0, 0.0, 0.0), (0.74, 0.0, 0.0), (5.0, 0.0, 0.0))), "no_bonds_found"),
        (Geometry(4, ("H",) * 4, tuple((x, 0.0, 0.0) for x in (0.0, 0.74, 9.0, 9.74))), "fragmented"),
    ],
)
def test_what_is_dropped_and_why(geometry: Geometry, reason: str) -> None:
    assert perceive(geometry, TYPES) == Dropped(4, reason)
