"""The flow-matching loss of a continuous FlowMol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor
from torch.nn import functional

from molvm.models.flowmol.config import FlowMolConfig
from molvm.schedules import CosineSchedule, LinearSchedule, Schedules
from molvm.states import MoleculeState
from molvm.states.molecule import MODALITIES

LOSS_WEIGHTS: Final[Mapping[str, float]] = {"positions": 3.0, "types": 0.4, "charges": 1.0, "bonds": 2.0}
"""Weights of the modalities in the released training configurations."""

MIN_TIME_WEIGHT: Final = 0.05
MAX_TIME_WEIGHT: Final = 1.5


@dataclass(frozen=True)
class MatchingLoss:
    """The loss of each modality and their weighted sum, all 0-d."""

    total: Tensor
    by_modality: Mapping[str, Tensor]


def flowmol_schedules(config: FlowMolConfig) -> Schedules:
    """The schedules of the four modalities: cosine, or linear where the configuration has no exponents."""
    if config.schedule_exponents is None:
        return Schedules(dict.fromkeys(MODALITIES, LinearSchedule()))
    pairs = zip(MODALITIES, config.schedule_exponents, strict=True)
    return Schedules({name: CosineSchedule(exponent) for name, exponent in pairs})


def time_weights(schedules: Schedules, t: Tensor, largest: float = MAX_TIME_WEIGHT) -> dict[str, Tensor]:
    """α/(1 − α) clamped to [0.05, largest] for each modality, shape (B,) (FlowMol, where the largest is 1.5)."""
    alpha, beta = schedules.alpha(t), schedules.beta(t)
    return {name: (alpha[name] / beta[name]).clamp(MIN_TIME_WEIGHT, largest) for name in alpha}


def interpolate(schedules: Schedules, noise: MoleculeState, data: MoleculeState, t: Tensor) -> MoleculeState:
    """x_t = α_t x₁ + β_t x₀, each modality by its own schedule."""
    return data.scale(schedules.alpha(t)) + noise.scale(schedules.beta(t))


def matching_loss(
    logits: MoleculeState,
    data: MoleculeState,
    weights: Mapping[str, Tensor],
    averaging: Literal["sample", "upstream"] = "sample",
) -> MatchingLoss:
    """Squared error of positions and cross entropies of types, charges and bonds (each pair once).

    Args:
        logits: The network's raw output.
        data: Centred positions and one-hot classes of the clean molecules.
        weights: Time weights of each modality, shape (B,).
        averaging: "sample" weights each atom's or pair's loss by its own molecule's weight. "upstream" multiplies, for
            the classes, the mean loss by the mean weight over atoms, as the released code's broadcasting does.
    """
    atom, pair = data.mask, torch.triu(data.pair_mask, diagonal=1)
    squared = ((logits.positions - data.positions) ** 2).mean(dim=-1)
    losses = {"positions": _weighted_mean(squared, weights["positions"], atom, "sample")}
    for name, mask in (("types", atom), ("charges", atom), ("bonds", pair)):
        target = data.parts[name].argmax(dim=-1)
        entropy = functional.cross_entropy(logits.parts[name].movedim(-1, 1), target, reduction="none")
        losses[name] = _weighted_mean(entropy, weights[name], mask, averaging)
    total = torch.stack([LOSS_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()
    return MatchingLoss(total, losses)


def _weighted_mean(values: Tensor, weights: Tensor, mask: Tensor, averaging: Literal["sample", "upstream"]) -> Tensor:
    """Mean over the masked entries of values (B, ...) times weights (B,)."""
    spread = weights.to(values.dtype).reshape(-1, *([1] * (values.ndim - 1))).expand_as(values)
    if averaging == "upstream":
        return values[mask].mean() * spread[mask].mean()
    return (values * spread)[mask].mean()
