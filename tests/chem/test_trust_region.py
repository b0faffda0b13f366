from __future__ import annotations

import numpy as np
import pytest

from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.molecule import Molecule
from molvm.chem.quadratic_model import external_basis
from molvm.chem.trust_region import Criteria, minimise
from molvm.chem.units import ANGSTROM_PER_BOHR


class Quadratic:
    """A convex quadratic function of the positions with its minimum at a given point."""

    def __init__(self, minimum: np.ndarray, stiffness: np.ndarray) -> None:
        self.minimum, self.stiffness = minimum, stiffness

    def energy_and_gradient(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        offset = (positions - self.minimum).ravel()
        gradient = self.stiffness @ offset
        return float(0.5 * offset @ gradient), gradient.reshape(-1, 3)

    def hessian(self, positions: np.ndarray) -> np.ndarray:
        return self.stiffness


@pytest.mark.parametrize("corrections", [0, 2])
def test_a_quadratic_is_minimised_in_one_free_step(corrections: int) -> None:
    generator = np.random.default_rng(6)
    start = generator.normal(size=(4, 3))
    outer = external_basis(start)
    inner = np.eye(12) - outer @ outer.T
    minimum = start + 0.01 * (inner @ generator.normal(size=12)).reshape(4, 3)
    found = minimise(Quadratic(minimum, inner), start, Criteria(energy=1e-12, gradient=1e-8), corrections=corrections)
    assert found.converged
    assert found.n_steps <= 3
    np.testing.assert_allclose(found.positions, minimum, atol=1e-6)


def test_bent_steps_end_as_low_with_fewer_hessians(drug_like: list[Molecule]) -> None:
    straight_hessians, bent_hessians = 0, 0
    for molecule in drug_like[::6]:
        positions = molecule.positions / ANGSTROM_PER_BOHR
        straight, bent = (
            minimise(GFNFF(molecule.elements, positions), positions, Criteria(), corrections=corrections)
            for corrections in (0, 2)
        )
        assert straight.converged
        assert bent.converged
        straight_hessians += straight.n_hessians
        bent_hessians += bent.n_hessians
    assert bent_hessians < 0.75 * straight_hessians


def test_what_it_took_is_counted() -> None:
    """Each step asks for one gradient; each accepted one but the last for a Hessian."""
    minimum = np.zeros((2, 3))
    found = minimise(Quadratic(minimum, np.eye(6)), np.outer([0.1, -0.1], [1.0, 0.0, 0.0]), Criteria())
    assert found.n_gradients == found.n_steps + 1
    assert found.n_hessians == found.n_steps
