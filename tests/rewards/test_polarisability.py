from __future__ import annotations

import numpy as np
import pytest
from properties import from_smiles, value

from molvm.chem.engines.tblite import TBLite
from molvm.chem.relaxers import Relaxer
from molvm.chem.units import ANGSTROM_PER_BOHR


def test_it_is_the_curvature_of_the_energy_in_a_field() -> None:
    # The dipole is minus the slope of the energy, so its slope is minus the curvature.
    molecule = from_smiles("C=O")
    positions = Relaxer()(molecule).positions / ANGSTROM_PER_BOHR
    strength, curvatures = 4e-3, []
    free = TBLite()(molecule.elements, positions, 0).energy
    for axis in range(3):
        energies = []
        for sign in (1, -1):
            x, y, z = (sign * strength * (each == axis) for each in range(3))
            energies.append(TBLite(field=(x, y, z))(molecule.elements, positions, 0).energy)
        curvatures.append((sum(energies) - 2 * free) / strength**2)
    assert value("polarisability", molecule) == pytest.approx(-np.mean(curvatures), rel=0.02)


def test_conjugation_adds_more_than_its_atoms() -> None:
    one, two, three = (value("polarisability", smiles) for smiles in ("C=C", "C=CC=C", "C=CC=CC=C"))
    assert three - two > two - one > one


def test_molecules_are_in_the_measured_order() -> None:
    # Measured, in Å³: water 1.45, methane 2.59, acetone 6.4, benzene 10.3.
    values = [value("polarisability", smiles) for smiles in ("O", "C", "CC(C)=O", "c1ccccc1")]
    assert values == sorted(values)
