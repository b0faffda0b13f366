"""An E(3)-equivariant field f(x, t) on the states of molecules: what is added to a base that has no adapters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from molvm.schedules import Schedules
from molvm.states import MoleculeState
from molvm.values.molecules import DISTANCE_SOFTENING, SIZE_SCALE, Embedded, MoleculeEncoder, MoleculeValueConfig


class MoleculeControlFeatures(MoleculeEncoder):
    """f(x, t): a state; zero at the start, because the last layers are.

    Classes get numbers that are invariant. Atom i is moved by Σ_j φ_ij (x_i − x_j)/d_ij with invariant φ_ij = φ_ji: it
    turns with the molecule, is reflected with it, and moves no centre of mass.

    Args:
        n_types: K_a.
        n_charges: K_c.
        n_bonds: K_e.
        schedules: Of the modalities.
        config: The shape, as of a value network.
    """

    def __init__(
        self,
        n_types: int,
        n_charges: int,
        n_bonds: int,
        schedules: Schedules,
        config: MoleculeValueConfig | None = None,
    ) -> None:
        super().__init__(n_types, n_charges, n_bonds, schedules, config)
        width, edge_width = self.config.width, self.config.edge_width
        self.of_atoms = nn.Linear(width, n_types + n_charges)
        self.from_atoms = nn.Linear(width, edge_width)
        self.of_pairs = nn.Linear(edge_width, n_bonds + 1)
        self.widths = (n_types, n_charges)
        for last in (self.of_atoms, self.of_pairs):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: MoleculeState, t: Tensor) -> MoleculeState:
        """The field at states x and times of shape (B,)."""
        found = self.embed(x, t, self.context(self._context(x, t)))
        source, target = found.graphs.edge_index
        ends = self.from_atoms(found.atoms)
        pairs = torch.nn.functional.silu(found.pairs + ends.index_select(0, source) + ends.index_select(0, target))
        bonds, pull = self.of_pairs(pairs).split([x.bonds.shape[-1], 1], dim=-1)
        types, charges = self.of_atoms(found.atoms).split(self.widths, dim=-1)
        place = (found.graphs.molecule, found.graphs.slot)
        return x.replace(
            {
                "positions": torch.zeros_like(x.positions).index_put(place, self._moves(x, found, pull)),
                "types": torch.zeros_like(x.types).index_put(place, types),
                "charges": torch.zeros_like(x.charges).index_put(place, charges),
                "bonds": torch.zeros_like(x.bonds).index_put(tuple(found.graphs.pair), bonds),
            }
        )

    def _moves(self, x: MoleculeState, found: Embedded, pull: Tensor) -> Tensor:
        """Where each atom is moved, (A, 3)."""
        molecule, source, target = found.graphs.pair
        # Dense differences first: each pair is then picked once, so that the gradient is reproducible.
        displacement = (x.positions[:, :, None] - x.positions[:, None])[molecule, source, target]
        unit = displacement / torch.sqrt(displacement.square().sum(dim=-1, keepdim=True) + DISTANCE_SOFTENING)
        count = len(found.graphs.molecule)
        moves = scatter(pull * unit, found.graphs.edge_index[0], dim=0, dim_size=count, reduce="sum")
        scaled: Tensor = moves / SIZE_SCALE**0.5
        return scaled
