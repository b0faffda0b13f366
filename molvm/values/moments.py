"""Moments of learned charges: what a network for molecules knows of polarity."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from molvm.states import MoleculeState
from molvm.values.graph import CompleteGraphs

MOMENT_SOFTENING = 1e-2
"""Lengths of moments are √(m² + s): smooth where they vanish. In units of charge² Å²."""

MOMENT_SCALE = 20.0**0.5
"""Moments are fed divided by this, to be of order one."""


class BondIncrements(nn.Module):
    """Charges that move along bonds from one atom to the other; over a molecule they add up to nothing.

    qⱼ = Σᵢ bᵢⱼ wᵢⱼ (χᵢ − χⱼ), with learned w of the pair and χ of the atoms, and b how probably they are bonded. Force
    fields make partial charges so (bond charge increments: Halgren, J. Comput. Chem. 17, 520 (1996)). Charges that are
    read off atoms one by one take several times as many gradient steps to become as useful (ADR 9).

    Args:
        width: Features of an atom.
        edge_width: Features of a pair.
        channels: How many charges an atom gets.
    """

    def __init__(self, width: int, edge_width: int, channels: int) -> None:
        super().__init__()
        # Normalised: the gradient of a product of two unbounded features throws paths out of the space of molecules.
        self.electronegativity = _normalised(width, channels)
        self.polarity = _normalised(edge_width, channels)

    def forward(self, atoms: Tensor, pairs: Tensor, bonded: Tensor, graphs: CompleteGraphs) -> Tensor:
        """Charges, (A, channels), from features of atoms (A, width) and pairs (P, edge_width), and b (P,)."""
        source, target = graphs.edge_index
        chi = self.electronegativity(atoms)
        drawn = chi.index_select(0, source) - chi.index_select(0, target)
        moved = bonded[:, None] * self.polarity(pairs) * drawn
        charges: Tensor = scatter(moved, target, dim=0, dim_size=len(atoms), reduce="sum")
        return charges


def _normalised(width: int, channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, channels), nn.LayerNorm(channels, elementwise_affine=False))


def lengths_of_moments(x: MoleculeState, charges: Tensor, graphs: CompleteGraphs) -> Tensor:
    """|Σᵢ qᵢ (xᵢ − centroid)| of charges of shape (A, channels), (B, channels): no rotation or translation shows."""
    positions = x.positions[graphs.molecule, graphs.slot]
    centroid = scatter(positions, graphs.molecule, dim=0, dim_size=len(x), reduce="mean")
    arms = positions - centroid.index_select(0, graphs.molecule)
    weighted = charges[:, :, None] * arms[:, None]
    moments = scatter(weighted, graphs.molecule, dim=0, dim_size=len(x), reduce="sum") / MOMENT_SCALE
    return torch.sqrt(moments.square().sum(dim=-1) + MOMENT_SOFTENING)
