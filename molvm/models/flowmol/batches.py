"""Batches of one size from a dataset: no padding, so no wasted arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from molvm.datasets.store import DenseBatch, MoleculeDataset
from molvm.models.flowmol.config import CHARGE_OFFSET, FlowMolConfig
from molvm.states import MoleculeState


def one_size_batches(
    dataset: MoleculeDataset,
    split: str,
    batch_size: int,
    generator: np.random.Generator,
    max_pairs: int | None = None,
) -> Iterator[DenseBatch]:
    """One epoch: every molecule of the split once, in shuffled batches of one atom count each.

    Args:
        dataset: Where the molecules are.
        split: "train", "validation" or "test".
        batch_size: The largest number of molecules in a batch; the remainder of each size makes a smaller one.
        generator: Decides the order.
        max_pairs: Largest b n² of a batch of b > 1 molecules of n atoms, so that large molecules fit into memory; None
            for no bound.
    """
    batches: list[np.ndarray] = []
    sizes, _ = dataset.size_histogram(split)
    for size in sizes:
        indices = generator.permutation(dataset.indices(split, int(size)))
        count = batch_size if max_pairs is None else max(1, min(batch_size, max_pairs // int(size) ** 2))
        batches.extend(indices[start : start + count] for start in range(0, len(indices), count))
    for position in generator.permutation(len(batches)):
        yield dataset.gather(batches[position])


def clean_state(batch: DenseBatch, config: FlowMolConfig, mirror: Tensor | None = None) -> MoleculeState:
    """Dense arrays as a point of the state space: positions in Å, one-hot classes.

    Args:
        batch: Molecules of one size.
        config: Gives the numbers of classes.
        mirror: Booleans (b,): which molecules to reflect, as augmentation; none by default.
    """
    count, n = batch.types.shape
    positions = torch.from_numpy(batch.positions)
    if mirror is not None:
        positions = torch.where(mirror[:, None, None], -positions, positions)
    off_diagonal = ~torch.eye(n, dtype=torch.bool)
    return MoleculeState(
        positions=positions,
        types=functional.one_hot(torch.from_numpy(batch.types).long(), config.n_types).float(),
        charges=functional.one_hot(torch.from_numpy(batch.charges).long() + CHARGE_OFFSET, config.n_charges).float(),
        bonds=functional.one_hot(torch.from_numpy(batch.bonds).long(), config.n_bonds).float()
        * off_diagonal[..., None],
        n_atoms=torch.full((count,), n),
    )
