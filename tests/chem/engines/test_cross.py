"""tblite against xtb-python: energy, dipole and frontier orbitals, by both methods."""

from __future__ import annotations

import sys
from itertools import combinations_with_replacement

import numpy as np
import pytest

from molvm.chem.engines.base import METHODS, Method
from molvm.chem.engines.tblite import TBLite
from molvm.chem.engines.xtb import XTBPython
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.chem.units import ANGSTROM_PER_BOHR, DEBYE_PER_ATOMIC_UNIT

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 12), reason="xtb-python has no wheels for this Python")

GROUPS = (
    "C",
    "CC",
    "C(C)C",
    "C=C",
    "C#C",
    "C#N",
    "CO",
    "OC",
    "N",
    "NC",
    "C=O",
    "C(=O)O",
    "C(=O)N",
    "C(C)=O",
    "F",
    "Cl",
    "CF",
    "SC",
    "c1ccccc1",
    "c1ccco1",
    "c1cscc1",
    "c1cc[nH]c1",
)
"""In pairs at one carbon atom, they make 253 molecules."""


def joined() -> list[Molecule]:
    found = []
    for first, second in combinations_with_replacement(GROUPS, 2):
        molecule = parse_smiles(f"C({first}){second}", f"{first}/{second}", {}).molecule
        if molecule is not None:
            found.append(molecule)
    return found


def compare(molecule: Molecule, method: Method, charge: int = 0, unpaired: int = 0) -> None:
    positions = molecule.positions / ANGSTROM_PER_BOHR
    ours = TBLite(method, unpaired=unpaired)(molecule.elements, positions, charge)
    theirs = XTBPython(method, unpaired)(molecule.elements, positions, charge)
    assert ours.energy == pytest.approx(theirs.energy, abs=1e-6), molecule.id
    assert (ours.homo, ours.lumo) == pytest.approx((theirs.homo, theirs.lumo), abs=1e-4), molecule.id
    difference = DEBYE_PER_ATOMIC_UNIT * abs(np.linalg.norm(ours.dipole) - np.linalg.norm(theirs.dipole))
    assert difference <= 0.01, molecule.id


@pytest.mark.parametrize("method", METHODS)
def test_small_molecules(method: Method, small: list[Molecule]) -> None:
    assert len(small) >= 20
    for molecule in small:
        compare(molecule, method)


def test_open_shells(small: list[Molecule]) -> None:
    for molecule in small[:6]:
        compare(molecule, "gfn2", charge=1, unpaired=1)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_two_hundred_molecules(method: Method) -> None:
    molecules = joined()
    assert len(molecules) >= 200
    for molecule in molecules:
        compare(molecule, method)
