"""The engines against each other and against the numbers they share."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from rdkit import Chem

from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.engines.tblite import TBLite
from molvm.chem.engines.xtb import XTBForceField, XTBPython
from molvm.chem.molecule import Molecule
from molvm.chem.units import ANGSTROM_PER_BOHR, DEBYE_PER_ATOMIC_UNIT

NEEDS_XTB_PYTHON = pytest.mark.skipif(sys.version_info >= (3, 12), reason="xtb-python has no wheels for this Python")

ODD_PI_SYSTEM = Chem.MolFromSmarts("[$([#16X3]=[#8]),$([#16X3+]-[#8-]),$([#7]=[#7+]=[#7-,#6])]")
"""Sulfoxides, azides and diazo compounds: GFN-FF first gives their π system an odd number of electrons. xtb repeats the
Hückel calculation with one less only when it prints in full; gfnff always does."""


@pytest.fixture(scope="module")
def molecules(drug_like: list[Molecule], small: list[Molecule]) -> list[Molecule]:
    return drug_like + small


def has_odd_pi_system(molecule: Molecule) -> bool:
    return Chem.MolFromSmiles(molecule.smiles()).HasSubstructMatch(ODD_PI_SYSTEM)


@NEEDS_XTB_PYTHON
def test_gfnff_agrees_with_xtb_python(molecules: list[Molecule]) -> None:
    compared = [molecule for molecule in molecules if not has_odd_pi_system(molecule)]
    assert len(compared) >= 50
    for molecule in compared:
        positions = molecule.positions / ANGSTROM_PER_BOHR
        ours, gradient = GFNFF(molecule.elements, positions).energy_and_gradient(positions)
        theirs, their_gradient = XTBForceField(molecule.elements, positions).energy_and_gradient(positions)
        assert ours == pytest.approx(theirs, abs=1e-6), molecule.id
        np.testing.assert_allclose(gradient, their_gradient, atol=1e-5)


@NEEDS_XTB_PYTHON
def test_tblite_agrees_with_xtb_python(molecules: list[Molecule]) -> None:
    chosen = sorted(molecules, key=lambda molecule: molecule.n_atoms)[:52]
    assert len(chosen) >= 50
    for molecule in chosen:
        positions = molecule.positions / ANGSTROM_PER_BOHR
        ours = TBLite()(molecule.elements, positions, 0)
        theirs = XTBPython()(molecule.elements, positions, 0)
        dipoles = [DEBYE_PER_ATOMIC_UNIT * np.linalg.norm(result.dipole) for result in (ours, theirs)]
        assert dipoles[0] == pytest.approx(dipoles[1], abs=0.01), molecule.id
        assert ours.energy == pytest.approx(theirs.energy, abs=2e-5), molecule.id
        assert ours.gap == pytest.approx(theirs.gap, abs=1e-4), molecule.id


def test_the_gradient_is_the_derivative_of_the_energy(small: list[Molecule]) -> None:
    generator = np.random.default_rng(1)
    step = 1e-3
    for molecule in small[::4]:
        positions = molecule.positions / ANGSTROM_PER_BOHR
        force_field = GFNFF(molecule.elements, positions)
        direction = generator.normal(size=positions.shape)
        ahead = force_field.energy_and_gradient(positions + step * direction)[0]
        behind = force_field.energy_and_gradient(positions - step * direction)[0]
        gradient = force_field.energy_and_gradient(positions)[1]
        assert np.vdot(gradient, direction) == pytest.approx((ahead - behind) / (2 * step), abs=1e-5)
