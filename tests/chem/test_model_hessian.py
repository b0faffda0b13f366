from __future__ import annotations

import numpy as np

from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.minimiser import Criteria
from molvm.chem.model_hessian import SOFTEST, STRETCH, ModelHessian
from molvm.chem.molecule import Molecule
from molvm.chem.relax import relax
from molvm.chem.units import ANGSTROM_PER_BOHR


def test_hydrogen_has_the_force_constant_of_the_paper() -> None:
    distance = 1.4
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, distance]])
    hessian = ModelHessian.of(np.array([1, 1], np.uint8), np.array([[0, 1]]), positions).at(positions)
    along = np.array([0.0, 0.0, -1.0, 0.0, 0.0, 1.0])
    expected = 2.0 * (2.0 * STRETCH * np.exp(1.35**2 - distance**2) + SOFTEST)
    np.testing.assert_allclose(along @ hessian @ along, expected, rtol=1e-12)


def test_it_is_symmetric_and_stiff_everywhere(drug_like: list[Molecule]) -> None:
    for molecule in drug_like[::8]:
        positions = molecule.positions / ANGSTROM_PER_BOHR
        hessian = ModelHessian.of(molecule.elements, molecule.bonds, positions).at(positions)
        np.testing.assert_allclose(hessian, hessian.T, atol=1e-14)
        assert np.linalg.eigvalsh(hessian)[0] > 0.99 * SOFTEST


def test_it_turns_with_the_molecule(paracetamol: Molecule) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    positions = paracetamol.positions / ANGSTROM_PER_BOHR
    model = ModelHessian.of(paracetamol.elements, paracetamol.bonds, positions)
    every = np.kron(np.eye(len(positions)), turn)
    np.testing.assert_allclose(model.at(positions @ turn.T), every @ model.at(positions) @ every.T, atol=1e-12)


def test_it_is_like_the_curvature_of_gfnff(drug_like: list[Molecule]) -> None:
    """Of displacements at random the model knows the curvature within a factor of two; no isotropic one does."""
    generator = np.random.default_rng(5)
    for molecule in drug_like[::12]:
        positions = relax(molecule, Criteria()).positions / ANGSTROM_PER_BOHR
        force_field = GFNFF(molecule.elements, positions)
        hessian = ModelHessian.of(molecule.elements, molecule.bonds, positions).at(positions)
        direction = generator.normal(size=positions.shape)
        ahead, behind = (force_field.energy_and_gradient(positions + s * 1e-3 * direction)[1] for s in (1.0, -1.0))
        measured = float(np.vdot(direction, ahead - behind)) / 2e-3
        modelled = float(direction.ravel() @ hessian @ direction.ravel())
        assert 0.5 < modelled / measured < 2.0
