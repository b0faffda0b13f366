"""Curvature for a force field that has none of its own: a model Hessian, corrected by the gradients on the way.

The model may be another method's Hessian at a point near by. What it has wrong, the BFGS update (Nocedal and Wright,
Numerical Optimization, ch. 6) puts right along the steps that were taken.
"""

from __future__ import annotations

import numpy as np

from molvm.chem.engines.base import Array, ForceField

SMALLEST_CURVATURE = 1e-3
"""Eh/a₀²; below the softest torsions. A model that says less would ask for steps as long as the trust region allows."""

SMALLEST_COSINE = 1e-3
"""An update whose step and change of gradient are nearer to orthogonal than this would bring rounding into it."""


class QuasiNewton:
    """A force field with updated curvature, for `molvm.chem.trust_region.minimise`; for one search.

    Args:
        force_field: Energy and gradient.
        hessian: (3n, 3n) model Hessian in Eh/a₀² at the start; made positive definite.
    """

    def __init__(self, force_field: ForceField, hessian: Array) -> None:
        self._force_field = force_field
        self._hessian = positive_definite(hessian)
        self._last: tuple[Array, Array] | None = None

    def energy_and_gradient(self, positions: Array) -> tuple[float, Array]:
        """Energy in Eh and gradient (n, 3) in Eh/a₀ at positions (n, 3) in a₀. Raises what the force field raises.

        The model learns from every pair of points that follow one another, refused ones too.
        """
        energy, gradient = self._force_field.energy_and_gradient(positions)
        if self._last is not None:
            where, slope = self._last
            self._hessian = updated(self._hessian, (positions - where).ravel(), (gradient - slope).ravel())
        self._last = positions, gradient
        return energy, gradient

    def hessian(self, positions: Array) -> Array:  # noqa: ARG002 - the model is that of the points so far
        """The model (3n, 3n) in Eh/a₀²."""
        return self._hessian


def positive_definite(hessian: Array, smallest: float = SMALLEST_CURVATURE) -> Array:
    """The symmetric matrix with the absolute values of its eigenvalues, and none of them below the smallest."""
    curvatures, modes = np.linalg.eigh(0.5 * (hessian + hessian.T))
    positive: Array = (modes * np.maximum(np.abs(curvatures), smallest)) @ modes.T
    return positive


def updated(hessian: Array, step: Array, change: Array) -> Array:
    """The BFGS update: positive definite again, and equal to the measured change of gradient along the step.

    Args:
        hessian: (k, k) positive definite model.
        step: (k,) from one point to the next.
        change: (k,) of the gradient on the way.

    Returns:
        The new model; the old one where the curvature along the step is not positive.
    """
    curvature = float(step @ change)
    if curvature <= SMALLEST_COSINE * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return hessian
    modelled = hessian @ step
    new: Array = hessian - np.outer(modelled, modelled) / float(step @ modelled) + np.outer(change, change) / curvature
    return new
