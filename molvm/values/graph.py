"""The complete graphs of a batch of molecules, as torch-geometric wants them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

CACHED_GRAPHS = 8
"""A rollout asks for the same graph at every step; a few batches are alive at a time."""


@dataclass(frozen=True)
class CompleteGraphs:
    """All ordered pairs of different atoms, molecule by molecule.

    Attributes:
        molecule: Molecule of each atom, (A,).
        slot: Slot of each atom in the padded tensors, (A,).
        edge_index: Source and target atoms of each ordered pair, (2, P).
        pair: Molecule, source slot and target slot of each ordered pair, (3, P).
    """

    molecule: Tensor
    slot: Tensor
    edge_index: Tensor
    pair: Tensor


def complete_graphs(n_atoms: Tensor) -> CompleteGraphs:
    """The graphs of molecules with the given numbers of atoms, integers of shape (B,); on the same device."""
    return _complete_graphs(tuple(n_atoms.tolist()), n_atoms.device)


@lru_cache(maxsize=CACHED_GRAPHS)
@torch.inference_mode(mode=False)  # a graph first asked for in inference mode must serve a later backward pass too
def _complete_graphs(n_atoms: tuple[int, ...], device: torch.device) -> CompleteGraphs:
    counts = torch.tensor(n_atoms, device=device)
    n = max(n_atoms, default=0)
    slots = torch.arange(n, device=device)
    mask = slots < counts[:, None]
    molecule, slot = mask.nonzero(as_tuple=True)
    off_diagonal = slots[:, None] != slots
    pairs = (mask[:, :, None] & mask[:, None, :] & off_diagonal).nonzero().T
    first = torch.cumsum(counts, dim=0) - counts
    source, target = first[pairs[0]] + pairs[1], first[pairs[0]] + pairs[2]
    return CompleteGraphs(molecule, slot, torch.stack([source, target]), pairs)
