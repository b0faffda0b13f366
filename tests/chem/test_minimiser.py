from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.minimiser import Criteria, minimise
from molvm.chem.model_hessian import ModelHessian
from molvm.chem.molecule import Molecule
from molvm.chem.units import ANGSTROM_PER_BOHR

ETHANE_LIKE = np.array([[0, 1], [0, 2], [1, 3]])


class Quadratic:
    """A convex quadratic function of the positions with its minimum at a given point."""

    def __init__(self, minimum: np.ndarray, stiffness: np.ndarray) -> None:
        self.minimum, self.stiffness, self.asked = minimum, stiffness, 0

    def energy_and_gradient(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        self.asked += 1
        offset = (positions - self.minimum).ravel()
        gradient = self.stiffness @ offset
        return float(0.5 * offset @ gradient), gradient.reshape(-1, 3)


def chain(spread: float = 1.0) -> tuple[np.ndarray, ModelHessian]:
    """Four atoms in a chain, and their model."""
    positions = np.array([[0.0, 0.0, 0.0], [2.8, 0.0, 0.0], [-0.8, 1.8, 0.0], [3.6, 0.4, 1.7]]) * spread
    return positions, ModelHessian.of(np.array([6, 6, 1, 1], np.uint8), ETHANE_LIKE, positions)


def test_where_the_model_is_right_one_step_is_enough() -> None:
    start, model = chain()
    minimum = start + 0.01 * np.random.default_rng(6).normal(size=start.shape)
    surface = Quadratic(minimum, model.at(start))
    found = minimise(surface, start, model, Criteria(energy=1e-9, gradient=1e-8))
    assert found.converged
    assert found.n_steps <= 2
    assert surface.asked == found.n_steps + 1
    np.testing.assert_allclose(found.positions, minimum, atol=1e-8)


@pytest.mark.parametrize("wrong", [0.1, 10.0])
def test_a_wrong_model_is_corrected_on_the_way(wrong: float) -> None:
    start, model = chain()
    minimum = start + 0.1 * np.random.default_rng(7).normal(size=start.shape)
    found = minimise(Quadratic(minimum, wrong * model.at(start)), start, model, Criteria(energy=1e-12, gradient=1e-7))
    assert found.converged
    np.testing.assert_allclose(found.positions, minimum, atol=1e-3)


def test_no_accepted_step_goes_up_or_far(drug_like: list[Molecule]) -> None:
    molecule = drug_like[3]
    start = molecule.positions / ANGSTROM_PER_BOHR
    force_field, visited = GFNFF(molecule.elements, start), []

    class Watched:
        def energy_and_gradient(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
            energy, gradient = force_field.energy_and_gradient(positions)
            visited.append((energy, positions))
            return energy, gradient

    model = ModelHessian.of(molecule.elements, molecule.bonds, start)
    found = minimise(Watched(), start, model, Criteria())
    assert found.energy <= min(energy for energy, _ in visited) + 5e-7
    steps = [float(np.sqrt(((b - a) ** 2).sum(axis=1).mean())) for (_, a), (_, b) in pairwise(visited)]
    assert max(steps) < 0.61


def test_a_surface_that_only_rises_ends_the_search() -> None:
    """A gradient with the wrong sign: every step is refused, and the search gives up instead of walking away."""
    start, model = chain()

    class Wrong(Quadratic):
        def energy_and_gradient(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
            energy, gradient = super().energy_and_gradient(positions)
            return energy, -gradient

    found = minimise(Wrong(start + 0.1, np.eye(12)), start, model, Criteria())
    assert not found.converged
    np.testing.assert_allclose(found.positions, start, atol=1e-3)
