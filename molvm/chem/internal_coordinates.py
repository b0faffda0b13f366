"""Bond lengths, angles and torsions of a bond graph, and how they change when atoms move.

Their derivatives are Wilson's B matrix (Wilson, Decius, Cross, Molecular Vibrations, 1955, ch. 4). Two of the usual
definitions are singular where three atoms lie in a line. There the sum of the two unit vectors from the middle atom
stands for the angle, and a torsion is multiplied by the sines of its two angles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from molvm.chem.engines.base import Array

Indices = NDArray[np.intp]

NEARLY_LINEAR = -0.954
"""A cosine of an angle below which it counts as linear; 163°."""


@dataclass(frozen=True, eq=False)
class InternalCoordinates:
    """Which atoms the coordinates are made of.

    Args:
        stretches: (k, 2), a bond each.
        bends: (k, 3), the middle atom in the middle.
        linear_bends: (k, 3) likewise; three coordinates each.
        torsions: (k, 4), along the chain.
        n_atoms: Of the molecule.
    """

    stretches: Indices
    bends: Indices
    linear_bends: Indices
    torsions: Indices
    n_atoms: int

    @classmethod
    def of(cls, bonds: NDArray[np.integer], positions: Array) -> Self:
        """All that the bonds span.

        Args:
            bonds: (k, 2) pairs of atoms.
            positions: (n, 3) of the geometry that says which angles are linear.
        """
        neighbours: list[list[int]] = [[] for _ in positions]
        for i, j in bonds.tolist():
            neighbours[i].append(j)
            neighbours[j].append(i)
        angles = _rows(
            [(i, j, k) for j, around in enumerate(neighbours) for at, i in enumerate(around) for k in around[at + 1 :]],
            3,
        )
        torsions = [
            (i, j, k, m)
            for j, k in bonds.tolist()
            for i in neighbours[j]
            if i != k
            for m in neighbours[k]
            if m not in (i, j)
        ]
        linear = cosines(positions, angles) < NEARLY_LINEAR
        return cls(_rows(bonds.tolist(), 2), angles[~linear], angles[linear], _rows(torsions, 4), len(positions))

    def derivatives(self, positions: Array) -> Array:
        """The matrix (m, 3n) of derivatives by the positions: stretches, bends, linear bends by x, y and z, torsions.

        Args:
            positions: (n, 3), a₀; stretches are in a₀, all else in radians.
        """
        blocks = (
            (self.stretches, _stretch(positions, self.stretches)),
            (self.bends, _bend(positions, self.bends)),
            *((self.linear_bends, along) for along in _linear_bend(positions, self.linear_bends)),
            (self.torsions, _torsion(positions, self.torsions)),
        )
        matrix = np.zeros((sum(len(atoms) for atoms, _ in blocks), self.n_atoms, 3))
        start = 0
        for atoms, derivatives in blocks:
            rows = np.arange(start, start + len(atoms))
            for column, derivative in zip(atoms.T, derivatives, strict=True):
                matrix[rows, column] = derivative
            start += len(atoms)
        return matrix.reshape(len(matrix), 3 * self.n_atoms)


def _rows(tuples: Sequence[Sequence[int]], width: int) -> Indices:
    """As an array that has its width when it is empty, too."""
    return np.array(tuples, dtype=np.intp).reshape(-1, width)


def _units(positions: Array, start: Indices, end: Indices) -> tuple[Array, Array]:
    """Unit vectors (k, 3) and distances (k, 1)."""
    vectors = positions[end] - positions[start]
    lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    return vectors / lengths, lengths


def cosines(positions: Array, angles: Indices) -> Array:
    """Cosines (k,) of angles (k, 3), the middle atom in the middle, at positions (n, 3)."""
    i, j, k = angles.T
    found: Array = (_units(positions, j, i)[0] * _units(positions, j, k)[0]).sum(axis=1)
    return found


def _stretch(positions: Array, atoms: Indices) -> tuple[Array, Array]:
    """Of the distances, (k, 3) for each of the two atoms."""
    i, j = atoms.T
    unit, _ = _units(positions, i, j)
    return -unit, unit


def _bend(positions: Array, atoms: Indices) -> tuple[Array, Array, Array]:
    """Of the angles, (k, 3) for each of the three atoms."""
    i, j, k = atoms.T
    first, length = _units(positions, j, i)
    second, other = _units(positions, j, k)
    cosine = (first * second).sum(axis=1, keepdims=True)
    sine = np.sqrt(1.0 - np.minimum(cosine * cosine, 1.0 - 1e-8))
    left, right = (cosine * first - second) / (length * sine), (cosine * second - first) / (other * sine)
    return left, -left - right, right


def _linear_bend(positions: Array, atoms: Indices) -> list[tuple[Array, Array, Array]]:
    """Of the sums of the two unit vectors, along x, y and z, (k, 3) for each of the three atoms."""
    i, j, k = atoms.T
    first, length = _units(positions, j, i)
    second, other = _units(positions, j, k)
    axes = np.eye(3)
    left = [(axis - first * first[:, [at]]) / length for at, axis in enumerate(axes)]
    right = [(axis - second * second[:, [at]]) / other for at, axis in enumerate(axes)]
    return [(a, -a - b, b) for a, b in zip(left, right, strict=True)]


def _torsion(positions: Array, atoms: Indices) -> tuple[Array, Array, Array, Array]:
    """Of the torsions, times the sines of their two angles, (k, 3) for each of the four atoms."""
    i, j, k, m = atoms.T
    first, length = _units(positions, i, j)
    axis, middle = _units(positions, j, k)
    last, other = _units(positions, k, m)
    left, right = np.cross(first, axis), np.cross(axis, last)
    squares = (left * left).sum(axis=1, keepdims=True), (right * right).sum(axis=1, keepdims=True)
    sines = [np.sqrt(np.maximum(square, 1e-12)) for square in squares]
    start = -left * sines[1] / (length * sines[0])
    end = right * sines[0] / (other * sines[1])
    before = (first * axis).sum(axis=1, keepdims=True) * length / middle
    after = (last * axis).sum(axis=1, keepdims=True) * other / middle
    return start, -start * (1.0 + before) + end * after, -end * (1.0 + after) + start * before, end
