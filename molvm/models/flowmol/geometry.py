"""Where the atoms of a batch stand to one another, and lengths of vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

NORM_FLOOR = 1e-8
"""|v| = sqrt(max(v·v, 1e-8)): upstream's guard against the infinite slope of the norm at zero."""

DISTANCE_EPSILON = 1e-8


def root_of_square(squares: Tensor) -> Tensor:
    """Lengths from squared lengths."""
    return torch.sqrt(torch.clamp(squares, min=NORM_FLOOR))


def vector_norm(vectors: Tensor) -> Tensor:
    """Length of each channel's vector, (..., 3, C) to (..., C)."""
    return root_of_square((vectors * vectors).sum(dim=-2))


def radial_basis(distances: Tensor, d_max: float, count: int) -> Tensor:
    """Gaussians exp(−((d − μ)/s)²) with μ on [0, d_max] and s = d_max/count; (...) to (..., count)."""
    centres = torch.linspace(0, d_max, count, dtype=distances.dtype, device=distances.device)
    return torch.exp(-(((distances[..., None] - centres) * (count / d_max)) ** 2))


@dataclass(frozen=True, eq=False)
class PairGeometry:
    """Positions and what follows from them for all ordered pairs [destination i, source j].

    Attributes:
        positions: x, (B, n, 3).
        units: u_ij = (x_j − x_i)/d_ij, (B, n, n, 3).
        distances: d_ij, (B, n, n); a little more than |x_j − x_i|, so that u is never 0/0.
        unit_squares: |u_ij|², (B, n, n): a little less than 1, and 0 on the diagonal.
        radial: Radial basis functions of d_ij, (B, n, n, R).
    """

    positions: Tensor
    units: Tensor
    distances: Tensor
    unit_squares: Tensor
    radial: Tensor

    @classmethod
    def of(cls, positions: Tensor, d_max: float, radial_count: int) -> Self:
        """The geometry of positions (B, n, 3)."""
        displacement = positions[:, None] - positions[:, :, None]
        squares = displacement.square().sum(dim=-1)
        distances = root_of_square(squares) + DISTANCE_EPSILON
        return cls(
            positions,
            displacement / distances[..., None],
            distances,
            squares / distances.square(),
            radial_basis(distances, d_max, radial_count),
        )
