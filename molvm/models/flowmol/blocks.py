"""The building blocks of FlowMol on dense, padded tensors.

Layout: scalars (..., S); vectors (..., 3, C), so that mixing channels is a plain matrix product; pair tensors
(B, n, n, ·) indexed [destination, source]. Parameter names are upstream's, so a state dict maps one to one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from molvm.models.flowmol.geometry import NORM_FLOOR, vector_norm

VECTOR_NORM_EPSILON = 1e-5


def normalise_vectors(vectors: Tensor) -> Tensor:
    """Vectors (..., 3, C) divided by the root mean square of their lengths; no parameters."""
    mean_square = torch.clamp((vectors * vectors).sum(dim=-2), min=NORM_FLOOR).mean(dim=-1)
    return vectors / (torch.sqrt(mean_square + VECTOR_NORM_EPSILON) + VECTOR_NORM_EPSILON)[..., None, None]


def cross_products(pairs: Tensor) -> Tensor:
    """The first half of the channels crossed with the second half, (..., 3, 2p) to (..., 3, p)."""
    left, right = pairs.chunk(2, dim=-1)
    crossed: Tensor = torch.linalg.cross(left, right, dim=-2)
    return crossed


class GVP(nn.Module):
    """Geometric vector perceptron with cross products (Jing et al. 2021; FlowMol).

    Args:
        scalars_in: Scalar channels in.
        vectors_in: Vector channels in.
        scalars_out: Scalar channels out.
        vectors_out: Vector channels out.
        cross: Number p of cross products.
        gated: Vectors are multiplied by a sigmoid gate; otherwise by the gate's plain linear output.
    """

    def __init__(
        self, scalars_in: int, vectors_in: int, scalars_out: int, vectors_out: int, cross: int, gated: bool = True
    ) -> None:
        super().__init__()
        hidden = max(vectors_in, vectors_out)
        self.gated = gated
        self.Wh = _uniform_parameter(vectors_in, hidden)
        self.Wcp = _uniform_parameter(vectors_in, 2 * cross) if cross else None
        self.Wu = _uniform_parameter(hidden + cross, vectors_out)
        self.to_feats_out = nn.Sequential(nn.Linear(hidden + cross + scalars_in, scalars_out), nn.SiLU())
        self.scalar_to_vector_gates = nn.Linear(scalars_out, vectors_out)

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Scalars (..., s_in) and vectors (..., 3, v_in) to (..., s_out) and (..., 3, v_out)."""
        hidden = vectors @ self.Wh
        if self.Wcp is not None:
            hidden = torch.cat([hidden, cross_products(vectors @ self.Wcp)], dim=-1)
        activated = self.to_feats_out(torch.cat([scalars, vector_norm(hidden).to(scalars.dtype)], dim=-1))
        return self.finish(activated, hidden)

    def finish(self, activated: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The second half: gate the mixed vectors by the activated scalars."""
        gates = self.scalar_to_vector_gates(activated)
        if self.gated:
            gates = torch.sigmoid(gates)
        return activated, gates[..., None, :] * (hidden @ self.Wu)


class PositionUpdate(nn.Module):
    """A displacement for each atom."""

    def __init__(self, scalars: int, vectors: int, cross: int, depth: int) -> None:
        super().__init__()
        inner = [GVP(scalars, vectors, scalars, vectors, cross) for _ in range(depth - 1)]
        self.gvps = nn.ModuleList([*inner, GVP(scalars, vectors, scalars, 1, cross, gated=False)])

    def forward(self, scalars: Tensor, vectors: Tensor) -> Tensor:
        """Displacements (B, n, 3) from scalars (B, n, S) and vectors (B, n, 3, C)."""
        for gvp in self.gvps:
            scalars, vectors = gvp(scalars, vectors)
        return vectors.squeeze(-1)


class EdgeUpdate(nn.Module):
    """A residual update of every ordered pair's features from its two atoms and their distance."""

    def __init__(self, scalars: int, edges: int, rbf: int) -> None:
        super().__init__()
        self.scalars = scalars
        self.edge_update_fn = nn.Sequential(
            nn.Linear(2 * scalars + edges + rbf, edges), nn.SiLU(), nn.Linear(edges, edges), nn.SiLU()
        )
        self.edge_norm = nn.LayerNorm(edges)

    def forward(self, scalars: Tensor, edges: Tensor, radial: Tensor | None) -> Tensor:
        """New edge features (B, n, n, E); the parts of the first product that belong to atoms stay on atoms."""
        linear = first_linear(self.edge_update_fn)
        width = self.scalars
        of_source, of_target, of_pair = torch.split(
            linear.weight, [width, width, linear.in_features - 2 * width], dim=1
        )
        pair = edges if radial is None else torch.cat([edges, radial.to(edges.dtype)], dim=-1)
        hidden = (
            functional.linear(pair, of_pair)
            + functional.linear(scalars, of_source)[:, None]
            + functional.linear(scalars, of_target, linear.bias)[:, :, None]
        )
        for layer in list(self.edge_update_fn.children())[1:]:
            hidden = layer(hidden)
        updated: Tensor = self.edge_norm(edges + hidden).to(hidden.dtype)
        return updated


class SelfConditioning(nn.Module):
    """Mixes an earlier prediction at the same x_t into the features (FlowMol3)."""

    def __init__(self, scalars: int, edges: int, rbf: int, n_types: int, n_charges: int, n_bonds: int) -> None:
        super().__init__()
        self.node_residual_mlp = nn.Sequential(
            nn.Linear(scalars + n_types + n_charges + rbf, scalars), nn.SiLU(), nn.Linear(scalars, scalars), nn.SiLU()
        )
        self.edge_residual_mlp = nn.Sequential(
            nn.Linear(edges + n_bonds + rbf, edges), nn.SiLU(), nn.Linear(edges, edges), nn.SiLU()
        )

    def forward(
        self, scalars: Tensor, edges: Tensor, node_evidence: Tensor, edge_evidence: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Residual updates from what the earlier prediction says of atoms (B, n, ·) and pairs (B, n, n, ·)."""
        scalars = scalars + self.node_residual_mlp(torch.cat([scalars, node_evidence], dim=-1))
        edges = edges + self.edge_residual_mlp(torch.cat([edges, edge_evidence.to(edges.dtype)], dim=-1))
        return scalars, edges


class ScalarNorm(nn.Module):
    """A layer norm under the name that upstream gives it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.feat_norm = nn.LayerNorm(width)

    def forward(self, scalars: Tensor) -> Tensor:
        """Normalised scalars (..., S)."""
        return self.feat_norm(scalars)  # type: ignore[no-any-return]


def first_linear(layers: nn.Sequential) -> nn.Linear:
    """The first layer of a perceptron, whose product is split between atoms and pairs."""
    first = layers[0]
    assert isinstance(first, nn.Linear)  # noqa: S101 - for the type checker
    return first


def _uniform_parameter(rows: int, columns: int) -> nn.Parameter:
    bound = 1 / math.sqrt(rows)
    return nn.Parameter(torch.empty(rows, columns).uniform_(-bound, bound))
