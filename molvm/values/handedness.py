"""What tells a molecule from its mirror image: signed volumes at each atom."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from molvm.states import MoleculeState
from molvm.values.graph import CompleteGraphs

SOFTENING = 1e-2
"""Of the squared lengths by which volumes are divided: smooth where all neighbours pull in one direction."""


class Handedness(nn.Module):
    """Adds to features of atoms what changes its sign under reflection; all else leaves it alone.

    At atom i, three sums v = Σ_j w(a_j, e_ij) (x_j − x_i)/|x_j − x_i| with learned weights span a volume, and
    det(v₁, v₂, v₃) / (|v₁| |v₂| |v₃|) is a number between −1 and 1 whose sign is that of the arrangement: at a
    stereocentre, of its configuration. It is invariant under rotations and translations, and under the atoms' order.

    Args:
        width: Features of an atom.
        edge_width: Features of a pair.
        volumes: How many volumes at each atom.
    """

    def __init__(self, width: int, edge_width: int, volumes: int) -> None:
        super().__init__()
        self.source = nn.Linear(width, 3 * volumes)
        self.gate = nn.Linear(edge_width, 3 * volumes)
        self.mixed = nn.Sequential(nn.Linear(width + volumes, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, x: MoleculeState, graphs: CompleteGraphs, atoms: Tensor, pairs: Tensor) -> Tensor:
        """Features of atoms, (A, width), from those of atoms and of ordered pairs."""
        volumes = self.volumes(x, graphs, atoms, pairs)
        mixed: Tensor = atoms + self.mixed(torch.cat([atoms, volumes], dim=-1))
        return mixed

    def volumes(self, x: MoleculeState, graphs: CompleteGraphs, atoms: Tensor, pairs: Tensor) -> Tensor:
        """The signed volumes at each atom, (A, volumes)."""
        source, target = graphs.edge_index
        molecule, from_slot, to_slot = graphs.pair
        # Dense differences first, as for distances: the gradient is then reproducible.
        arms = (x.positions[:, :, None] - x.positions[:, None])[molecule, from_slot, to_slot]
        directions = arms / torch.sqrt(arms.square().sum(dim=-1, keepdim=True) + SOFTENING)
        weights = self.source(atoms).index_select(0, source) * self.gate(pairs)
        pulls = weights[:, :, None] * directions[:, None]
        sums = scatter(pulls, target, dim=0, dim_size=len(atoms), reduce="mean")
        spans = (sums / torch.sqrt(sums.square().sum(dim=-1, keepdim=True) + SOFTENING)).unflatten(1, (-1, 3))
        first, second, third = spans.unbind(dim=2)
        signed: Tensor = (first * torch.linalg.cross(second, third)).sum(dim=-1)
        return signed
