"""A Hessian that costs no quantum chemistry: Lindh's, on the coordinates of the bond graph.

Lindh, Bernhardsson, Karlström, Malmqvist, Chem. Phys. Lett. 1995, 241, 423: a force constant for every bond length,
angle and torsion that falls off with the distances along it, the same for all molecules. Bonds come out four orders of
magnitude stiffer than torsions, which is what makes plain quasi-Newton methods slow for molecules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from molvm.chem.engines.base import Array
from molvm.chem.internal_coordinates import Indices, InternalCoordinates

STRETCH, BEND, TORSION = 0.45, 0.15, 0.01
"""Eh/a₀² and Eh; Lindh's, but for twice his torsion: by measurement, a sixth fewer gradients to a GFN-FF minimum."""

FALL_OFF = np.array([[1.0, 0.3949, 0.3949], [0.3949, 0.28, 0.28], [0.3949, 0.28, 0.28]])
"""a₀⁻², by the rows of the periodic table; the third stands for those below it."""

REFERENCE = np.array([[1.35, 2.10, 2.53], [2.10, 2.87, 3.40], [2.53, 3.40, 3.40]])
"""a₀, likewise."""

SOFTEST = 0.002
"""Eh/a₀², of every displacement: what holds apart what no coordinate joins."""


@dataclass(frozen=True, eq=False)
class ModelHessian:
    """The model for one molecule.

    Args:
        coordinates: Of its bonds.
        rows: (n,) which row of the parameters an atom takes.
    """

    coordinates: InternalCoordinates
    rows: NDArray[np.intp]

    @classmethod
    def of(cls, elements: NDArray[np.uint8], bonds: NDArray[np.integer], positions: Array) -> Self:
        """The model of a molecule.

        Args:
            elements: (n,) atomic numbers.
            bonds: (k, 2) pairs of atoms.
            positions: (n, 3) start in a₀.
        """
        return cls(InternalCoordinates.of(bonds, positions), np.searchsorted([3, 11], elements, side="right"))

    def at(self, positions: Array) -> Array:
        """The model (3n, 3n) in Eh/a₀² at positions (n, 3) in a₀: symmetric, and nowhere softer than `SOFTEST`."""
        derivatives = self.coordinates.derivatives(positions)
        hessian: Array = (derivatives.T * self._force_constants(positions)) @ derivatives
        hessian[np.diag_indices_from(hessian)] += SOFTEST
        return hessian

    def _force_constants(self, positions: Array) -> Array:
        """(m,) in the order of the coordinates' derivatives."""
        parts, linear = self.coordinates, BEND * self._along(positions, self.coordinates.linear_bends)
        return np.concatenate(
            [
                STRETCH * self._along(positions, parts.stretches),
                BEND * self._along(positions, parts.bends),
                *(linear, linear, linear),
                TORSION * self._along(positions, parts.torsions),
            ]
        )

    def _along(self, positions: Array, chains: Indices) -> Array:
        """(k,) products over the neighbours of each chain (k, c) of the factor that falls off with their distance."""
        start, end = chains[:, :-1], chains[:, 1:]
        vectors = positions[start] - positions[end]
        where = self.rows[start], self.rows[end]
        exponent = FALL_OFF[where] * (REFERENCE[where] ** 2 - (vectors * vectors).sum(axis=2))
        product: Array = np.exp(exponent.sum(axis=1))
        return product
