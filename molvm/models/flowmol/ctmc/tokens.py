"""Tokens in a dense batch: which there are, how they are masked, how new ones are put in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from molvm.models.flowmol.ctmc.config import CtmcConfig
from molvm.states import MoleculeState

TOKENS: Final = ("types", "charges", "bonds")
"""The modalities that jump, in the order in which upstream draws them."""


@dataclass(frozen=True, eq=False)
class Places:
    """Where a batch has tokens of one modality: one an atom, or one an unordered pair of atoms.

    They are numbered molecule by molecule, atoms in their order, pairs (i, j) with i < j row by row. That is upstream's
    order, so a generator of the same seed gives the same draws; padding is never drawn for.

    Attributes:
        mask: Booleans (B, n), or (B, n, n) for pairs, each once.
        molecule: Which molecule each token belongs to, integers (N,).
        pairs: Whether they are pairs, stored a second time at (j, i).
    """

    mask: Tensor
    molecule: Tensor
    pairs: bool

    @classmethod
    def of(cls, x: MoleculeState, modality: str) -> Places:
        """The places of a modality in a batch."""
        pairs = modality == "bonds"
        mask = torch.triu(x.pair_mask, diagonal=1) if pairs else x.mask
        return cls(mask, mask.nonzero()[:, 0], pairs)

    def take(self, values: Tensor) -> Tensor:
        """Dense values (B, ..., K) as rows (N, K)."""
        return values[self.mask]

    def put(self, tokens: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
        """Tokens (N,) as dense one-hot vectors (B, ..., classes), zero where there is none."""
        dense = torch.zeros(*self.mask.shape, classes, dtype=dtype, device=tokens.device)
        dense[self.mask] = functional.one_hot(tokens, classes).to(dtype)
        return dense + dense.transpose(1, 2) if self.pairs else dense


def masked(n_atoms: Tensor, config: CtmcConfig, dtype: torch.dtype) -> MoleculeState:
    """Molecules of the given sizes, every token masked, all atoms at the origin.

    Args:
        n_atoms: Numbers of atoms, integers (B,).
        config: Gives the numbers of tokens.
        dtype: Floating-point type.
    """
    x = MoleculeState.zeros(n_atoms, *config.n_tokens, dtype=dtype)
    parts = dict(x.parts)
    for modality in TOKENS:
        places, classes = Places.of(x, modality), parts[modality].shape[-1]
        parts[modality] = places.put(torch.full_like(places.molecule, classes - 1), classes, dtype)
    return x.replace(parts)
