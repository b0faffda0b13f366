from __future__ import annotations

import numpy as np
import pytest

from molvm.chem.quadratic_model import STIFF, QuadraticModel, external_basis


@pytest.mark.parametrize(("positions", "dimension"), [("bent", 6), ("linear", 5), ("atom", 3)])
def test_the_external_basis_is_orthonormal_and_of_the_right_dimension(positions: str, dimension: int) -> None:
    points = {
        "bent": np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        "linear": np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]),
        "atom": np.array([[3.0, 1.0, 2.0]]),
    }[positions]
    basis = external_basis(points)
    assert basis.shape == (points.size, dimension)
    np.testing.assert_allclose(basis.T @ basis, np.eye(dimension), atol=1e-12)


def test_a_step_neither_translates_nor_rotates_nor_is_too_long() -> None:
    generator = np.random.default_rng(3)
    positions, gradient = generator.normal(size=(2, 7, 3))
    matrix = generator.normal(size=(21, 21))
    for hessian in (matrix @ matrix.T, matrix + matrix.T):
        step, predicted = QuadraticModel.at(positions, gradient, hessian).step(0.3)
        assert np.linalg.norm(step) <= 0.3 * (1 + 1e-4)
        assert predicted < 0
        np.testing.assert_allclose(external_basis(positions).T @ step.ravel(), 0.0, atol=1e-9)


def test_the_step_of_an_indefinite_model_is_no_worse_than_steepest_descent() -> None:
    generator = np.random.default_rng(4)
    for _ in range(20):
        positions, gradient = generator.normal(size=(2, 5, 3))
        matrix = generator.normal(size=(15, 15))
        hessian = matrix + matrix.T
        outer = external_basis(positions)
        downhill = -(gradient.ravel() - outer @ (outer.T @ gradient.ravel()))
        downhill *= 0.2 / np.linalg.norm(downhill)
        _, predicted = QuadraticModel.at(positions, gradient, hessian).step(0.2)
        assert predicted <= gradient.ravel() @ downhill + 0.5 * downhill @ hessian @ downhill + 1e-9


def test_a_correction_takes_the_stiff_gradient_away_and_leaves_the_rest() -> None:
    generator = np.random.default_rng(8)
    positions = generator.normal(size=(5, 3))
    outer = external_basis(positions)
    inner = np.linalg.svd(np.eye(15) - outer @ outer.T)[0][:, :9]
    curvatures = np.geomspace(1e-4, 1.0, 9)
    hessian = (inner * curvatures) @ inner.T
    model = QuadraticModel.at(positions, np.zeros((5, 3)), hessian)
    gradient = (inner @ generator.normal(size=9)).reshape(5, 3)
    left = inner.T @ (gradient.ravel() + hessian @ model.correction(gradient).ravel())
    expected = np.where(curvatures > STIFF, 0.0, inner.T @ gradient.ravel())
    np.testing.assert_allclose(left, expected, atol=1e-9)
