"""Batches of complete graphs as flat lists of atoms and directed edges, in the order that FlowMol gives them.

Molecule after molecule; in each all pairs i < j row by row, from i to j, then the same pairs from j to i.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.errors import InteropError
from molvm.states import MoleculeState


@dataclass(frozen=True)
class CompleteGraph:
    """The atoms and edges of a batch of molecules of N atoms each; edges count the atoms of the whole batch.

    Args:
        n_atoms: (B,) numbers of atoms N.
        atom_molecule: (A,) the molecule of each atom, A = Σ N.
        atom_slot: (A,) its place in the molecule.
        source: (E,) the atom that an edge comes from, E = Σ N(N−1).
        target: (E,) the atom that it goes to.
        upper: (E,) whether it goes from the earlier atom to the later.
    """

    n_atoms: Tensor
    atom_molecule: Tensor
    atom_slot: Tensor
    source: Tensor
    target: Tensor
    upper: Tensor

    @property
    def edge_molecule(self) -> Tensor:
        """(E,) the molecule of each edge."""
        return self.atom_molecule[self.source]

    def places(self, modality: str) -> tuple[Tensor, ...]:
        """Where the rows of a modality are in the padded tensor of a `MoleculeState`, as indices into it."""
        if modality == "bonds":
            return self.edge_molecule, self.atom_slot[self.source], self.atom_slot[self.target]
        return self.atom_molecule, self.atom_slot


def complete_graph(n_atoms: Tensor) -> CompleteGraph:
    """The complete graphs of molecules of these sizes, edges in FlowMol's order.

    Args:
        n_atoms: (B,) integers.
    """
    device = n_atoms.device
    starts = torch.cumsum(n_atoms, dim=0) - n_atoms
    pairs = [
        torch.triu_indices(n, n, offset=1, device=device) + start
        for n, start in zip(n_atoms.tolist(), starts.tolist(), strict=True)
    ]
    edges = [torch.cat([upper, upper.flip(0)], dim=1) for upper in pairs]
    source, target = torch.cat([torch.zeros(2, 0, dtype=torch.long, device=device), *edges], dim=1)
    return graph_of_edges(n_atoms, source, target)


def graph_of_edges(n_atoms: Tensor, source: Tensor, target: Tensor) -> CompleteGraph:
    """The graph of these edges, in their order.

    Args:
        n_atoms: (B,) integers.
        source: (E,) atoms, counted through the batch.
        target: (E,) atoms.

    Raises:
        InteropError: There is not exactly one edge for each ordered pair of a molecule's atoms.
    """
    n_atoms = n_atoms.long()
    atom_molecule = torch.repeat_interleave(n_atoms)
    first_atom = torch.cumsum(n_atoms, dim=0) - n_atoms
    slots = torch.arange(len(atom_molecule), device=n_atoms.device) - first_atom[atom_molecule]
    pair = torch.sort(source * len(atom_molecule) + target).values
    inside = (atom_molecule[source] == atom_molecule[target]) & (source != target)
    expected = int((n_atoms * (n_atoms - 1)).sum())
    if not bool(inside.all()) or len(pair) != expected or bool((pair.diff() == 0).any()):
        raise InteropError("The graph is not complete.", allowed="one edge for each ordered pair of a molecule's atoms")
    return CompleteGraph(n_atoms, atom_molecule, slots, source.long(), target.long(), source < target)


def flat_parts(state: MoleculeState, graph: CompleteGraph) -> dict[str, Tensor]:
    """The coordinates of a state, one row an atom or edge.

    Returns:
        positions (A, 3), types (A, K_a), charges (A, K_c), bonds (E, K_e).
    """
    return {name: part[graph.places(name)] for name, part in state.parts.items()}


def state_of_flat(parts: Mapping[str, Tensor], graph: CompleteGraph) -> MoleculeState:
    """The state with these coordinates.

    Args:
        parts: positions (A, 3), types (A, K_a), charges (A, K_c), bonds (E, K_e), rows in the order of the graph.
        graph: What each row belongs to.

    Raises:
        InteropError: The two edges of a pair have different bonds.
    """
    n_types, n_charges, n_bonds = (parts[name].shape[-1] for name in ("types", "charges", "bonds"))
    state = MoleculeState.zeros(graph.n_atoms, n_types, n_charges, n_bonds, dtype=parts["positions"].dtype)
    for name, part in state.parts.items():
        part[graph.places(name)] = parts[name].to(part.dtype)
    if not torch.equal(state.bonds, state.bonds.transpose(1, 2)):
        raise InteropError("The two edges of a pair have different bonds.", allowed="the same features on both")
    return state
