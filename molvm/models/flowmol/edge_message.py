"""The first perceptron of a message, without a vector ever stored for a pair of atoms.

A pair's input vectors are the unit displacement u_ij and the source's own V_j. Mixed channels and cross products are
therefore affine in u_ij with coefficients that belong to the source j:

    V_j W + u_ij w            =  A_j + u_ij w
    (L_j + u_ij l) × (R_j + u_ij r)  =  C_j + u_ij × D_j,     C = L × R,  D = l R − r L.

Their lengths need only the products u_ij·A_j, u_ij·D_j and u_ij·(D_j × C_j), and their gated sum over the sources is a
product of (n, n) matrices with (n, 3) ones. That is the same function at a fraction of the memory traffic.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from molvm.models.flowmol.blocks import GVP, first_linear
from molvm.models.flowmol.geometry import PairGeometry, root_of_square


@dataclass(frozen=True, eq=False)
class Message:
    """Messages of all ordered pairs: scalars, and vectors g_ij (P_j + u_ij q + u_ij × E_j) by their parts.

    Attributes:
        scalars: (B, n, n, S).
        gates: g, (B, n, n, C).
        of_source: P, (B, n, 3, C).
        along: q, (C,).
        across: E, (B, n, 3, C), or None without cross products.
        geometry: Has u.
    """

    scalars: Tensor
    gates: Tensor
    of_source: Tensor
    along: Tensor
    across: Tensor | None
    geometry: PairGeometry

    def vectors(self) -> Tensor:
        """The vectors of each pair, (B, n, n, 3, C)."""
        units = self.geometry.units[..., None]
        vectors = self.of_source[:, None] + units * self.along
        if self.across is not None:
            vectors = vectors + torch.linalg.cross(units, self.across[:, None], dim=-2)
        return self.gates[..., None, :] * vectors

    def vector_sum(self, weight: Tensor) -> Tensor:
        """Σ_j w_ij times the vectors of the pair (i, j), for weights (B, n, n): (B, n, 3, C).

        u_ij = (x_j − x_i)/d_ij splits into what belongs to j and what belongs to i, so that each channel takes products
        of its (n, n) gates with what belongs to the sources.
        """
        x, dtype = self.geometry.positions, self.geometry.positions.dtype
        with torch.autocast(x.device.type, enabled=False):
            gates = (self.gates.to(dtype) * weight[..., None]).permute(0, 3, 1, 2)
            slopes = gates / self.geometry.distances[:, None]
            positions = x[:, None].expand(-1, gates.shape[1], -1, -1)
            sources = [positions, torch.ones_like(positions[..., :1])]
            if self.across is not None:
                across = self.across.permute(0, 3, 1, 2)
                sources += [torch.linalg.cross(positions, across, dim=-1), across]
            moments = slopes @ torch.cat(sources, dim=-1)
            total = gates @ self.of_source.permute(0, 3, 1, 2)
            total = total + self.along[:, None, None] * (moments[..., :3] - positions * moments[..., 3:4])
            if self.across is not None:
                total = total + moments[..., 4:7] - torch.linalg.cross(positions, moments[..., 7:], dim=-1)
            return total.permute(0, 2, 3, 1)


class EdgeMessage(GVP):
    """Input scalars [s_source, RBF(d), e] and vectors [unit displacement, V_source] of each ordered pair.

    Args:
        scalars: S.
        edges: E.
        rbf: R.
        vectors: C.
        cross: Number p of cross products.
    """

    def __init__(self, scalars: int, edges: int, rbf: int, vectors: int, cross: int) -> None:
        super().__init__(scalars + rbf + edges, vectors + 1, scalars, vectors, cross)
        self.source_width = scalars

    def on_pairs(self, scalars: Tensor, vectors: Tensor, edges: Tensor, geometry: PairGeometry) -> Message:
        """Messages from scalars (B, n, S) and vectors (B, n, 3, C) of the sources and edge features (B, n, n, E)."""
        with torch.autocast(vectors.device.type, enabled=False):
            norms, of_source, along, across = self._mixed(vectors.to(geometry.units.dtype), geometry)
        linear = first_linear(self.to_feats_out)
        on_sources = functional.linear(scalars, linear.weight[:, : self.source_width], linear.bias)
        pair_features = torch.cat([geometry.radial.to(edges.dtype), edges, norms.to(edges.dtype)], dim=-1)
        on_pairs = functional.linear(pair_features, linear.weight[:, self.source_width :])
        activated = functional.silu(on_pairs + on_sources[:, None])
        gates = torch.sigmoid(self.scalar_to_vector_gates(activated))
        return Message(activated, gates, of_source, along, across, geometry)

    def _mixed(self, vectors: Tensor, geometry: PairGeometry) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Lengths of the hidden vectors (B, n, n, H + p), and P, q, E before the gates."""
        u, u_squares = geometry.units, geometry.unit_squares[..., None]
        a, w = vectors @ self.Wh[1:], self.Wh[0]
        mix, mix_cross = self.Wu[: a.shape[-1]], self.Wu[a.shape[-1] :]
        squares = a.square().sum(dim=2)[:, None] + u_squares * w.square()
        if self.Wcp is None:
            return root_of_square(squares + 2 * w * _along(u, a)), a @ mix, w @ mix, None
        left, right = (vectors @ self.Wcp[1:]).chunk(2, dim=-1)
        u_left, u_right = self.Wcp[0].chunk(2)
        c, d = torch.linalg.cross(left, right, dim=2), u_left * right - u_right * left
        products = _along(u, torch.cat([a, d, torch.linalg.cross(d, c, dim=2)], dim=-1))
        u_a, u_d, u_dc = torch.split(products, [a.shape[-1], d.shape[-1], d.shape[-1]], dim=-1)
        crossed = c.square().sum(dim=2)[:, None] + u_squares * d.square().sum(dim=2)[:, None]
        lengths = root_of_square(torch.cat([squares + 2 * w * u_a, crossed + 2 * u_dc - u_d.square()], dim=-1))
        return lengths, a @ mix + c @ mix_cross, w @ mix, d @ mix_cross


def _along(units: Tensor, vectors: Tensor) -> Tensor:
    """u_ij · M_j, (B, n, n, 3) and (B, n, 3, K) to (B, n, n, K)."""
    first, second, third = (units[..., d, None] * vectors[:, None, :, d] for d in range(3))
    return first + second + third
