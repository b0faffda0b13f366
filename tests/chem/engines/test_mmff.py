from __future__ import annotations

import numpy as np
import pytest
from rdkit.Chem import rdForceFieldHelpers

from molvm.chem.engines.mmff import MMFF
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.chem.rdkit_bridge import sanitised
from molvm.chem.units import ANGSTROM_PER_BOHR, KCAL_PER_MOL_PER_HARTREE
from molvm.errors import EngineError


def test_the_energy_is_that_of_rdkit(small: list[Molecule]) -> None:
    for molecule in small[::5]:
        mol = sanitised(molecule)
        properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
        theirs = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties).CalcEnergy()
        ours, _ = MMFF(molecule).energy_and_gradient(molecule.positions / ANGSTROM_PER_BOHR)
        assert ours * KCAL_PER_MOL_PER_HARTREE == pytest.approx(theirs, abs=1e-6)


def test_the_gradient_is_the_derivative_of_the_energy(small: list[Molecule]) -> None:
    generator = np.random.default_rng(0)
    step = 1e-3
    for molecule in small[::5]:
        positions = molecule.positions / ANGSTROM_PER_BOHR
        force_field = MMFF(molecule)
        direction = generator.normal(size=positions.shape)
        ahead, behind = (force_field.energy_and_gradient(positions + sign * step * direction) for sign in (1, -1))
        _, gradient = force_field.energy_and_gradient(positions)
        assert np.vdot(gradient, direction) == pytest.approx((ahead[0] - behind[0]) / (2 * step), abs=1e-5)


def test_molecules_out_of_its_reach_are_refused(small: list[Molecule]) -> None:
    hydrogen = parse_smiles("[H][H]", "hydrogen", {}).molecule
    assert hydrogen is not None
    with pytest.raises(EngineError, match="no parameters"):
        MMFF(hydrogen)
    broken = Molecule([7, 7], np.eye(2, 3), [0, 0], [[0, 1]], [4])  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="cannot build"):
        MMFF(broken)
    with pytest.raises(EngineError, match="finite"):
        MMFF(small[0]).energy_and_gradient(np.full((3, 3), np.nan))
