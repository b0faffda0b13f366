"""The optimiser of a pretraining: Muon for the hidden layers, AdamW for everything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import torch
from torch import Tensor, nn

Kind = Literal["muon", "adamw"]

SMALLEST_SIDE: Final = 16
"""Matrices with a shorter side are left to AdamW: of so few directions none needs to be made equal to the others."""

ENDS: Final = ("scalar_embedding", "edge_embedding", "node_output_head", "to_edge_logits")
"""What reads the state and what writes the prediction, for which Muon is not meant."""


class Optimiser:
    """One learning rate for all weights of a FlowMol network, and a state by the weights' order in it.

    Muon (Jordan et al. 2024) orthogonalises the momentum of a matrix; with the scale of Liu et al. 2025
    (arXiv 2502.16982), its steps are as large as AdamW's, so that both take the same rate.

    Args:
        network: Has the weights.
        kind: "muon", or "adamw" for all of them.
        betas: Of AdamW.
        weight_decay: Of both.
    """

    def __init__(self, network: nn.Module, kind: Kind, betas: tuple[float, float], weight_decay: float) -> None:
        self.parameters = list(network.parameters())
        hidden = [weight for name, weight in network.named_parameters() if kind == "muon" and _is_hidden(name, weight)]
        chosen = {id(weight) for weight in hidden}
        rest = [weight for weight in self.parameters if id(weight) not in chosen]
        self.parts: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, lr=0.0, betas=betas, weight_decay=weight_decay)
        ]
        if hidden:
            self.parts.append(
                torch.optim.Muon(hidden, lr=0.0, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
            )

    def step(self, rate: float) -> None:
        """Moves all weights by their gradients.

        Args:
            rate: The learning rate of this step.
        """
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate
            part.step()

    def tensors(self) -> dict[str, Tensor]:
        """The state by "index of the weight.name", for a checkpoint."""
        return {
            f"{index}.{name}": value
            for part in self.parts
            for index, weight in enumerate(self.parameters)
            for name, value in part.state.get(weight, {}).items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `tensors`."""
        owners = {weight: part for part in self.parts for weight in part.param_groups[0]["params"]}
        for part in self.parts:
            part.state.clear()
        for name, value in tensors.items():
            index, key = name.split(".", 1)
            weight = self.parameters[int(index)]
            owners[weight].state[weight][key] = value


def _is_hidden(name: str, weight: Tensor) -> bool:
    return weight.ndim == 2 and min(weight.shape) >= SMALLEST_SIDE and name.split(".")[0] not in ENDS
