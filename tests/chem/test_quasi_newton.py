from __future__ import annotations

import numpy as np
import pytest

from molvm.chem.quadratic_model import external_basis
from molvm.chem.quasi_newton import QuasiNewton, positive_definite, updated
from molvm.chem.trust_region import Criteria, minimise


class Bowl:
    """A convex function with quartic walls, free of translation and rotation near its minimum."""

    def __init__(self, minimum: np.ndarray, stiffness: np.ndarray) -> None:
        self.minimum, self.stiffness = minimum, stiffness

    def energy_and_gradient(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        offset = (positions - self.minimum).ravel()
        pull = self.stiffness @ offset
        square = float(offset @ pull)
        return 0.5 * square + square**2, (pull * (1.0 + 4.0 * square)).reshape(-1, 3)


def random_matrix(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(size, size))


def test_the_model_becomes_positive_definite_and_keeps_its_axes() -> None:
    matrix = random_matrix(0, 9)
    matrix = matrix + matrix.T
    positive = positive_definite(matrix, 0.5)
    assert np.linalg.eigvalsh(positive).min() >= 0.5 - 1e-9
    np.testing.assert_allclose(positive @ matrix, matrix @ positive, atol=1e-9)
    sound = random_matrix(1, 9)
    sound = sound @ sound.T + np.eye(9)
    np.testing.assert_allclose(positive_definite(sound, 0.5), sound, atol=1e-9)


def test_an_update_fits_the_measured_change_and_stays_positive_definite() -> None:
    generator = np.random.default_rng(2)
    model, truth = (matrix @ matrix.T + np.eye(6) for matrix in (random_matrix(3, 6), random_matrix(4, 6)))
    for _ in range(10):
        step = generator.normal(size=6)
        model = updated(model, step, truth @ step)
        np.testing.assert_allclose(model @ step, truth @ step, atol=1e-8)
        np.testing.assert_allclose(model, model.T, atol=1e-9)
        assert np.linalg.eigvalsh(model).min() > 0


@pytest.mark.parametrize("sign", [-1.0, 0.0])
def test_a_step_without_positive_curvature_teaches_nothing(sign: float) -> None:
    model, step = np.eye(4), np.array([1.0, 2.0, 0.0, -1.0])
    np.testing.assert_array_equal(updated(model, step, sign * step), model)


def test_a_wrong_model_only_costs_steps() -> None:
    generator = np.random.default_rng(5)
    start = generator.normal(size=(4, 3))
    outer = external_basis(start)
    inner = np.eye(12) - outer @ outer.T
    minimum = start + 0.05 * (inner @ generator.normal(size=12)).reshape(4, 3)
    bowl = Bowl(minimum, inner @ np.diag(np.geomspace(0.1, 2.0, 12)) @ inner)
    for model in (0.3 * np.eye(12), 5.0 * np.eye(12), -np.eye(12)):
        found = minimise(QuasiNewton(bowl, model), start, Criteria(energy=1e-10, gradient=1e-6))
        assert found.converged
        assert found.energy < 1e-9
