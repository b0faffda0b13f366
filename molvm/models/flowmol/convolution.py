"""One round of messages over all ordered pairs of atoms."""

from __future__ import annotations

from torch import Tensor, nn

from molvm.models.flowmol.blocks import GVP, ScalarNorm, normalise_vectors
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.edge_message import EdgeMessage
from molvm.models.flowmol.geometry import PairGeometry


class Convolution(nn.Module):
    """One round of messages over all ordered pairs, then an update of every atom.

    Args:
        config: The widths and numbers of perceptrons.
    """

    def __init__(self, config: FlowMolConfig) -> None:
        super().__init__()
        scalars, vectors, cross = config.hidden_scalars, config.vector_channels, config.cross_products
        self.message_norm = config.message_norm
        first = EdgeMessage(scalars, config.hidden_edges, config.rbf_dim, vectors, cross)
        rest = [GVP(scalars, vectors, scalars, vectors, cross) for _ in range(config.message_gvps - 1)]
        self.edge_message = nn.ModuleList([first, *rest])
        self.node_update = nn.ModuleList(
            GVP(scalars, vectors, scalars, vectors, cross) for _ in range(config.update_gvps)
        )
        self.message_layer_norm = ScalarNorm(scalars)
        self.update_layer_norm = ScalarNorm(scalars)

    def forward(
        self, scalars: Tensor, vectors: Tensor, edges: Tensor, geometry: PairGeometry, pair_weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """New scalars (B, n, S) and vectors (B, n, 3, C); `pair_weight` (B, n, n) is 1 for real pairs, else 0."""
        weight = _shares(pair_weight) if self.message_norm == "mean" else pair_weight / self.message_norm
        summed, vector_summed = self._messages(scalars, vectors, edges, geometry, weight)
        scalars = self.message_layer_norm(scalars + summed)
        vectors = normalise_vectors(vectors + vector_summed)
        change, vector_change = scalars, vectors
        for gvp in self.node_update:
            change, vector_change = gvp(change, vector_change)
        return self.update_layer_norm(scalars + change), normalise_vectors(vectors + vector_change)

    def _messages(
        self, scalars: Tensor, vectors: Tensor, edges: Tensor, geometry: PairGeometry, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The weighted sums of the messages to each atom."""
        first, *rest = self.edge_message
        message = first.on_pairs(scalars, vectors, edges, geometry)  # type: ignore[operator]
        rows = weight[:, :, None]
        if not rest:
            return (rows.to(message.scalars.dtype) @ message.scalars).squeeze(2), message.vector_sum(weight)
        of_pairs, vectors_of_pairs = message.scalars, message.vectors()
        for gvp in rest:
            of_pairs, vectors_of_pairs = gvp(of_pairs, vectors_of_pairs)
        vector_sum = (rows.to(vectors_of_pairs.dtype) @ vectors_of_pairs.flatten(3)).squeeze(2)
        return (rows.to(of_pairs.dtype) @ of_pairs).squeeze(2), vector_sum.unflatten(2, (3, -1))


def _shares(pair_weight: Tensor) -> Tensor:
    """Weights (B, n, n) that make the sum over the sources of each atom a mean; 0 where an atom has none."""
    return pair_weight / pair_weight.sum(dim=-1, keepdim=True).clamp(min=1)
