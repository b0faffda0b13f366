"""Energy near a geometry to second order, free of translation and rotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from molvm.chem.engines.base import Array

EXTERNAL_CURVATURE = 10.0
"""Eh/a₀²; stiffer than every bond (the stiffest, triple bonds, have about 2)."""

STIFF = 0.03
"""Eh/a₀²; bonds and angles are above, torsions below."""


@dataclass(frozen=True, eq=False)
class QuadraticModel:
    """The energy along the eigenvectors of the Hessian.

    Args:
        curvatures: (3n,) eigenvalues, ascending, Eh/a₀²; translations and rotations are stiff walls.
        modes: (3n, 3n) eigenvectors in columns.
        slopes: (3n,) gradient along each, Eh/a₀.
    """

    curvatures: Array
    modes: Array
    slopes: Array

    @classmethod
    def at(cls, positions: Array, gradient: Array, hessian: Array) -> Self:
        """The model at a geometry.

        Args:
            positions: (n, 3), a₀.
            gradient: (n, 3), Eh/a₀.
            hessian: (3n, 3n), Eh/a₀².
        """
        outer = external_basis(positions)
        # Without its external part the Hessian is singular there; a stiff wall keeps those modes out of the search.
        crossed = hessian @ outer
        half = outer @ (0.5 * (outer.T @ crossed) @ outer.T - crossed.T)
        projected = hessian + half + half.T + EXTERNAL_CURVATURE * (outer @ outer.T)
        slope = gradient.ravel() - outer @ (outer.T @ gradient.ravel())
        curvatures, modes = np.linalg.eigh(projected)
        return cls(curvatures, modes, modes.T @ slope)

    def step(self, radius: float) -> tuple[Array, float]:
        """The step that minimises the model within a ball.

        Args:
            radius: Euclidean length the step may have, a₀.

        Returns:
            The step (n, 3) in a₀ and the change of energy that the model predicts, in Eh.
        """
        amplitudes = _amplitudes(self.curvatures, self.slopes, radius)
        predicted = float(self.slopes @ amplitudes + 0.5 * amplitudes @ (self.curvatures * amplitudes))
        step: Array = (self.modes @ amplitudes).reshape(-1, 3)
        return step, predicted

    def correction(self, gradient: Array) -> Array:
        """The step that brings bonds and angles back to rest, (n, 3) in a₀, and leaves the torsions alone.

        Args:
            gradient: (n, 3) where it starts, Eh/a₀.
        """
        stiff = self.curvatures > STIFF
        modes = self.modes[:, stiff]
        step: Array = -(modes @ ((modes.T @ gradient.ravel()) / self.curvatures[stiff])).reshape(-1, 3)
        return step


def external_basis(positions: Array) -> Array:
    """(3n, k) orthonormal basis of the displacements that translate or rotate; k = 6, 5 in a line, 3 for one atom."""
    x, y, z = (positions - positions.mean(axis=0)).T
    external = np.zeros((len(positions), 3, 6))
    external[:, 0, 0] = external[:, 1, 1] = external[:, 2, 2] = 1.0
    external[:, 1, 3], external[:, 2, 3] = -z, y
    external[:, 0, 4], external[:, 2, 4] = z, -x
    external[:, 0, 5], external[:, 1, 5] = -y, x
    basis, sizes, _ = np.linalg.svd(external.reshape(-1, 6), full_matrices=False)
    outer: Array = basis[:, sizes > 1e-6 * sizes[0]]
    return outer


def _amplitudes(curvatures: Array, slopes: Array, radius: float) -> Array:
    """Along each mode, the minimiser of the quadratic model within the radius, by bisecting the level shift."""
    tiny = 1e-10
    if curvatures[0] > tiny:
        free: Array = -slopes / curvatures
        if float(np.linalg.norm(free)) <= radius:
            return free
    low = max(0.0, -float(curvatures[0])) + tiny
    high = low + float(np.linalg.norm(slopes)) / radius + tiny
    for _ in range(100):
        middle = 0.5 * (low + high)
        if float(np.linalg.norm(slopes / (curvatures + middle))) > radius:
            low = middle
        else:
            high = middle
        if high - low <= 1e-6 * high:
            break
    shifted: Array = -slopes / (curvatures + high)
    return shifted
