from __future__ import annotations

import numpy as np
import pytest

from molvm.chem.engines.base import METHODS, Method, frontier_orbitals
from molvm.chem.engines.tblite import ALPB_SOLVENTS, TBLite, TBLiteForceField
from molvm.chem.molecule import Molecule
from molvm.chem.units import ANGSTROM_PER_BOHR
from molvm.errors import EngineError

WATER = np.array([[0.0, 0.0, 0.0], [1.81, 0.0, 0.0], [-0.45, 1.76, 0.0]])
ELEMENTS = np.array([8, 1, 1], dtype=np.uint8)


def rotation(seed: int) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("solvent", [None, "water"])
def test_nothing_depends_on_the_frame(method: Method, solvent: str | None, small: list[Molecule]) -> None:
    engine = TBLite(method, solvent)
    for seed, molecule in enumerate(small[::8]):
        positions, turn = molecule.positions / ANGSTROM_PER_BOHR, rotation(seed)
        here = engine(molecule.elements, positions, 0)
        there = engine(molecule.elements, positions @ turn.T + [40.0, -70.0, 20.0], 0)
        # Solvents see a molecule's surface by points on spheres, whose number is finite.
        assert there.energy == pytest.approx(here.energy, abs=1e-6 if solvent is None else 3e-4)
        assert (there.homo, there.lumo) == pytest.approx((here.homo, here.lumo), abs=1e-4)
        np.testing.assert_allclose(there.dipole, turn @ here.dipole, atol=1e-3)


def test_the_energy_of_two_molecules_far_apart_is_the_sum() -> None:
    far = np.vstack([WATER, WATER + np.array([400.0, 0.0, 0.0])])
    both = TBLite()(np.tile(ELEMENTS, 2), far, 0).energy
    assert both == pytest.approx(2 * TBLite()(ELEMENTS, WATER, 0).energy, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_dipole_is_the_derivative_of_the_energy_by_the_field(method: Method) -> None:
    strength = 1e-3
    dipole = TBLite(method)(ELEMENTS, WATER, 0).dipole
    for axis in range(2):
        energies = []
        for sign in (1, -1):
            x, y, z = (sign * strength * (each == axis) for each in range(3))
            energies.append(TBLite(method, field=(x, y, z))(ELEMENTS, WATER, 0).energy)
        assert (energies[1] - energies[0]) / (2 * strength) == pytest.approx(dipole[axis], abs=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_every_solvent_is_known_and_each_is_another(method: Method) -> None:
    energies = [TBLite(method, solvent)(ELEMENTS, WATER, 0).energy for solvent in ALPB_SOLVENTS]
    assert len(set(np.round(energies, 9))) == len(ALPB_SOLVENTS)


def test_an_unknown_solvent_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="GFN2-xTB"):
        TBLite(solvent="aqua regia")(ELEMENTS, WATER, 0)


@pytest.mark.parametrize(("method", "unpaired", "charge"), [("gfn1", 0, 0), ("gfn2", 0, 0), ("gfn2", 1, 1)])
def test_the_gradient_is_the_derivative_of_the_energy(method: Method, unpaired: int, charge: int) -> None:
    surface = TBLiteForceField(ELEMENTS, WATER, charge, method, unpaired)
    direction = np.random.default_rng(1).normal(size=WATER.shape)
    energy, gradient = surface.energy_and_gradient(WATER)
    assert energy == pytest.approx(TBLite(method, unpaired=unpaired)(ELEMENTS, WATER, charge).energy, abs=1e-6)
    step = 1e-3
    ahead, behind = (surface.energy_and_gradient(WATER + sign * step * direction)[0] for sign in (1, -1))
    assert np.vdot(gradient, direction) == pytest.approx((ahead - behind) / (2 * step), abs=2e-5)


def test_a_surface_refuses_what_the_library_would_not() -> None:
    with pytest.raises(EngineError):
        TBLiteForceField(np.array([8, 120, 1], dtype=np.uint8), WATER, 0)
    with pytest.raises(EngineError, match="GFN2-xTB"):
        TBLiteForceField(ELEMENTS, WATER, 0, "gfn2", 3).energy_and_gradient(WATER)
    with pytest.raises(EngineError, match="finite"):
        TBLiteForceField(ELEMENTS, WATER, 0).energy_and_gradient(np.where(WATER > 1.8, np.nan, WATER))


def test_frontier_orbitals_of_closed_and_open_shells() -> None:
    energies = np.array([-1.0, -0.5, 0.25])
    assert frontier_orbitals(energies, np.array([2.0, 2.0, 0.0])) == (-0.5, 0.25)
    assert frontier_orbitals(energies, np.array([2.0, 1.0, 0.0]), unpaired=1) == (-0.5, 0.25)
    assert frontier_orbitals(energies, np.array([2.0, 1.0, 1.0]), unpaired=2)[0] == 0.25
    assert np.isnan(frontier_orbitals(energies, np.full(3, 2.0))[1])
    assert np.isnan(frontier_orbitals(energies, np.zeros(3))[0])
