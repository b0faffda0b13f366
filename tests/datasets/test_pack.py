from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.datasets.pack import pack
from molvm.datasets.store import ARRAY_DTYPES, MoleculeDataset
from molvm.errors import DatasetError

SYMBOLS = ("C", "H", "N", "O", "F")


def test_molecules_and_back(qm9: MoleculeDataset) -> None:
    molecules = [qm9.molecule(index) for index in range(len(qm9))]
    again = pack(molecules, name="again", element_symbols=SYMBOLS, split=qm9.split)
    for name in set(ARRAY_DTYPES) - {"positions", "source_index"}:
        np.testing.assert_array_equal(getattr(again, name), getattr(qm9, name))
    # Centring what is centred already moves it by rounding only.
    np.testing.assert_allclose(again.positions, qm9.positions, atol=1e-6)


def test_another_element_map_is_another_numbering_only(qm9: MoleculeDataset) -> None:
    molecule = qm9.molecule(10)
    again = pack([molecule], name="again", element_symbols=SYMBOLS[::-1]).molecule(0)
    np.testing.assert_array_equal(again.elements, molecule.elements)
    np.testing.assert_array_equal(again.bonds, molecule.bonds)
    np.testing.assert_array_equal(again.orders, molecule.orders)


def broken(molecule: Molecule, fault: str) -> Molecule:
    if fault == "aromatic":
        return replace(molecule, orders=np.full_like(molecule.orders, 4))
    if fault == "finite":
        return replace(molecule, positions=np.full_like(molecule.positions, np.nan))
    if fault == "atomic number 17":
        return replace(molecule, elements=np.full_like(molecule.elements, 17))
    return Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[])


@pytest.mark.parametrize("fault", ["aromatic", "finite", "atomic number 17", "no atoms"])
def test_what_cannot_be_stored_is_refused_by_name(qm9: MoleculeDataset, fault: str) -> None:
    good = qm9.molecule(5)
    with pytest.raises(DatasetError, match=f"Molecule 1 .*{fault}"):
        pack([good, broken(good, fault)], name="bad", element_symbols=SYMBOLS)


def test_a_split_of_another_length_is_refused(qm9: MoleculeDataset) -> None:
    with pytest.raises(DatasetError, match="split"):
        pack([qm9.molecule(0)], name="bad", element_symbols=SYMBOLS, split=[0, 1])
    with pytest.raises(DatasetError, match="no molecules"):
        pack([], name="bad", element_symbols=SYMBOLS)
