"""The FlowMol network: a noisy molecule in, a prediction of the clean one out."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from molvm.models.flowmol.blocks import EdgeUpdate, PositionUpdate, SelfConditioning
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.convolution import Convolution
from molvm.models.flowmol.geometry import PairGeometry, radial_basis, vector_norm
from molvm.states import MoleculeState

TIME_FREQUENCY = 1000.0
"""Largest angular frequency of the time features (FlowMol3)."""


class FlowMolNetwork(nn.Module):
    """Predicts x̂₁ from (x_t, t): positions in Å and logits of types, charges and bonds.

    Equivariant to rotations and translations; with cross products not to reflections.

    Args:
        config: Sizes and switches.
    """

    def __init__(self, config: FlowMolConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        scalars, edges = c.hidden_scalars, c.hidden_edges
        self.scalar_embedding = _embedding(c.atom_inputs, scalars)
        self.edge_embedding = _embedding(c.pair_inputs, edges)
        self.conv_layers = nn.ModuleList(Convolution(c) for _ in range(c.convolutions))
        updaters = c.molecule_updates if c.separate_updaters else 1
        radial_width = c.rbf_dim if c.update_edges_with_distance else 0
        self.node_position_updaters = nn.ModuleList(
            PositionUpdate(scalars, c.vector_channels, c.cross_products, c.position_gvps) for _ in range(updaters)
        )
        self.edge_updaters = nn.ModuleList(EdgeUpdate(scalars, edges, radial_width) for _ in range(updaters))
        self.node_output_head = nn.Sequential(
            nn.Linear(scalars, scalars), nn.SiLU(), nn.Linear(scalars, c.n_types + c.n_charges)
        )
        self.to_edge_logits = nn.Sequential(nn.Linear(edges, edges), nn.SiLU(), nn.Linear(edges, c.n_bonds))
        if c.self_conditioning:
            self.self_conditioning_residual_layer = SelfConditioning(
                scalars, edges, c.rbf_dim, c.n_types, c.n_charges, c.n_bonds
            )

    def forward(self, x: MoleculeState, t: Tensor, previous: MoleculeState | None = None) -> MoleculeState:
        """Predicted positions (not centred) and logits.

        Args:
            x: The noisy molecules x_t.
            t: Times, shape (B,).
            previous: An earlier prediction at the same x_t (positions and class probabilities) for self-conditioning.
        """
        scalars, edges = self._embed(x, t)
        positions = x.positions
        geometry = self._geometry(positions)
        if previous is not None:
            scalars, edges = self._self_condition(scalars, edges, x, previous, geometry)
        vectors = positions.new_zeros(*positions.shape[:2], 3, self.config.vector_channels)
        pair_weight = x.pair_mask.to(positions.dtype)
        for _ in range(self.config.recycles):
            for index, convolution in enumerate(self.conv_layers):
                scalars, vectors = convolution(scalars, vectors, edges, geometry, pair_weight)
                updater = self._updater_after(index)
                if updater is None:
                    continue
                positions = positions + self.node_position_updaters[updater](scalars, vectors)
                geometry = self._geometry(positions)
                seen = geometry.radial if self.config.update_edges_with_distance else None
                edges = self.edge_updaters[updater](scalars, edges, seen)
        return self._heads(x, positions, scalars, edges)

    def predict(self, x: MoleculeState, t: Tensor, previous: MoleculeState | None = None) -> MoleculeState:
        """The endpoint as a point of the state space: centred positions, class probabilities, zero padding."""
        return to_endpoint(self(x, t, previous))

    def _embed(self, x: MoleculeState, t: Tensor) -> tuple[Tensor, Tensor]:
        """First features of atoms, (B, n, S), and of pairs, (B, n, n, E)."""
        scalars = self.scalar_embedding(torch.cat([x.types, self._time(t, x), x.charges], dim=-1))
        return scalars, self.edge_embedding(x.bonds)

    def _updater_after(self, conv: int) -> int | None:
        every = self.config.convs_per_update
        if conv == 0 or (conv + 1) % every != 0:
            return None
        return conv // every if self.config.separate_updaters else 0

    def _geometry(self, positions: Tensor) -> PairGeometry:
        return PairGeometry.of(positions, self.config.rbf_dmax, self.config.rbf_dim)

    def _time(self, t: Tensor, x: MoleculeState) -> Tensor:
        width = self.config.time_features
        features = t[:, None]
        if width > 1:
            # In single precision whatever the network's own type is, as upstream has it.
            exponents = torch.arange(width // 2, device=t.device, dtype=torch.float32) / (width // 2 - 1)
            angles = TIME_FREQUENCY * t[:, None].float() * torch.exp(-math.log(TIME_FREQUENCY) * exponents)
            features = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
        return features.to(x.dtype)[:, None].expand(-1, x.positions.shape[1], -1)

    def _self_condition(
        self, scalars: Tensor, edges: Tensor, x: MoleculeState, previous: MoleculeState, geometry: PairGeometry
    ) -> tuple[Tensor, Tensor]:
        moved = vector_norm((x.positions - previous.positions)[..., None]).squeeze(-1)
        radial = radial_basis(moved, self.config.rbf_dmax, self.config.rbf_dim)
        node_evidence = torch.cat([previous.types, previous.charges, radial], dim=-1)
        change = self._geometry(previous.positions).radial - geometry.radial
        edge_evidence = torch.cat([previous.bonds, change], dim=-1)
        mixed: tuple[Tensor, Tensor] = self.self_conditioning_residual_layer(
            scalars, edges, node_evidence, edge_evidence
        )
        return mixed

    def _heads(self, x: MoleculeState, positions: Tensor, scalars: Tensor, edges: Tensor) -> MoleculeState:
        types, charges = self.node_output_head(scalars).split([self.config.n_types, self.config.n_charges], dim=-1)
        bonds = self.to_edge_logits(edges + edges.transpose(1, 2))
        dtype = positions.dtype
        return x.replace(
            {
                "positions": positions,
                "types": types.to(dtype),
                "charges": charges.to(dtype),
                "bonds": bonds.to(dtype),
            }
        )


def to_endpoint(logits: MoleculeState) -> MoleculeState:
    """Logits to class probabilities, positions centred, padding zeroed."""
    return to_probabilities(logits).project()


def to_probabilities(logits: MoleculeState) -> MoleculeState:
    """Logits to class probabilities; positions stay where they are."""
    return logits.replace(
        {
            "positions": logits.positions,
            "types": logits.types.softmax(dim=-1),
            "charges": logits.charges.softmax(dim=-1),
            "bonds": logits.bonds.softmax(dim=-1),
        }
    )


def _embedding(width_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width_in, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.LayerNorm(width))
