"""The FlowMol network over tokens."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from molvm.models.flowmol.ctmc.config import CtmcConfig
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.states import MoleculeState

EMBEDDED: Final = ("a", "c", "e")
"""Upstream's names of the tables of types, charges and bonds."""


class CtmcNetwork(FlowMolNetwork):
    """Predicts positions and class logits from molecules whose classes are tokens, the mask among them.

    It differs from the continuous network in what it reads alone: one-hot vectors with one class more (FlowMol-CTMC) or
    rows of learned tables (FlowMol3).

    Args:
        config: Sizes and switches.
    """

    config: CtmcConfig

    def __init__(self, config: CtmcConfig) -> None:
        super().__init__(config)
        self.token_embeddings = nn.ModuleDict(
            {
                key: nn.Embedding(tokens, width)
                for key, tokens, width in zip(EMBEDDED, config.n_tokens, config.token_widths, strict=True)
                if width
            }
        )

    def _embed(self, x: MoleculeState, t: Tensor) -> tuple[Tensor, Tensor]:
        types, charges, bonds = (
            self._read(key, part) for key, part in zip(EMBEDDED, (x.types, x.charges, x.bonds), strict=True)
        )
        time = self._time(t, x)
        told = [types, charges, time] if self.config.time_last else [types, time, charges]
        return self.scalar_embedding(torch.cat(told, dim=-1)), self.edge_embedding(bonds)

    def _read(self, key: str, tokens: Tensor) -> Tensor:
        """One-hot tokens as the network is told them: their rows of the table, if they have one."""
        if key not in self.token_embeddings:
            return tokens
        return tokens @ self.token_embeddings.get_parameter(f"{key}.weight")
