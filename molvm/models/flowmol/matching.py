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

MAX_PRECISION: Final = 1000.0
"""Largest weight of a squared error, Å⁻²: half of it is reached when the mean error is 0.03 Å."""


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


def time_weights(schedules: Schedules, t: Tensor) -> dict[str, Tensor]:
    """α/(1 − α) clamped to [0.05, 1.5] for each modality, shape (B,) (FlowMol)."""
    alpha, beta = schedules.alpha(t), schedules.beta(t)
    return {name: (alpha[name] / beta[name]).clamp(MIN_TIME_WEIGHT, MAX_TIME_WEIGHT) for name in alpha}


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


def balanced_loss(
    logits: MoleculeState, data: MoleculeState, schedules: Schedules, t: Tensor, position_variance: float
) -> MatchingLoss:
    """Errors in nats an atom, of all modalities and at all times on one scale.

    Types, charges and bonds: their cross entropies, summed over atoms and over pairs (each once). Positions: half their
    squared error in units of the variance that a Gaussian of the data's variance leaves at t, 1/(SNR + 1/variance)
    (Karras et al. 2022, arXiv 2206.00364, table 1), so that late times, where errors are small, count as the others do.

    Args:
        logits: The network's raw output.
        data: Centred positions and one-hot classes of the clean molecules.
        schedules: Of the four modalities.
        t: Times, shape (B,).
        position_variance: Of the data's coordinates, Å².
    """
    atom, pair = data.mask, torch.triu(data.pair_mask, diagonal=1)
    signal_to_noise = (schedules.alpha(t)["positions"] / schedules.beta(t)["positions"]) ** 2
    precision = (signal_to_noise + 1 / position_variance).clamp(max=MAX_PRECISION)
    squared = ((logits.positions - data.positions) ** 2).sum(dim=-1)
    losses = {"positions": (squared * precision[:, None])[atom].sum() / 2}
    for name, mask in (("types", atom), ("charges", atom), ("bonds", pair)):
        target = data.parts[name].argmax(dim=-1)
        losses[name] = functional.cross_entropy(logits.parts[name][mask], target[mask], reduction="sum")
    losses = {name: loss / atom.sum() for name, loss in losses.items()}
    return MatchingLoss(torch.stack(list(losses.values())).sum(), losses)


def _weighted_mean(values: Tensor, weights: Tensor, mask: Tensor, averaging: Literal["sample", "upstream"]) -> Tensor:
    """Mean over the masked entries of values (B, ...) times weights (B,)."""
    spread = weights.to(values.dtype).reshape(-1, *([1] * (values.ndim - 1))).expand_as(values)
    if averaging == "upstream":
        return values[mask].mean() * spread[mask].mean()
    return (values * spread)[mask].mean()
