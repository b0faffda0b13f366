"""The balanced loss: one scale for all times and modalities."""

from __future__ import annotations

import math

import pytest
import torch

from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.matching import balanced_loss, flowmol_schedules
from molvm.states import MoleculeState

CONFIG = FlowMolConfig(n_bonds=4)


def clean(count: int, n: int, deviation: float) -> MoleculeState:
    """Molecules of Gaussian positions, all of them carbon, neutral and without bonds."""
    zeros = MoleculeState.zeros(torch.full((count,), n), CONFIG.n_types, CONFIG.n_charges, CONFIG.n_bonds)
    off_diagonal = ~torch.eye(n, dtype=torch.bool)
    parts = {name: part.clone() for name, part in zeros.parts.items()}
    parts["positions"] = deviation * torch.randn(count, n, 3)
    parts["types"][..., 0] = parts["charges"][..., 2] = 1
    parts["bonds"][..., 0] = off_diagonal.float()
    return zeros.replace(parts)


@pytest.mark.parametrize("t", [0.05, 0.3, 0.5, 0.6])
def test_the_best_guess_of_gaussian_positions_costs_the_same_at_all_times(t: float) -> None:
    """Half a nat a coordinate: the error is then 1/(SNR + 1/variance), the weight its inverse."""
    data, variance = clean(400, 12, 1.5), 1.5**2
    schedules, times = flowmol_schedules(CONFIG), torch.full((400,), t)
    alpha, beta = schedules.alpha(times)["positions"][0], schedules.beta(times)["positions"][0]
    x = alpha * data.positions + beta * torch.randn_like(data.positions)
    guess = alpha * variance / (alpha**2 * variance + beta**2) * x
    logits = data.replace({**data.parts, "positions": guess})
    loss = balanced_loss(logits, data, schedules, times, variance).by_modality["positions"]
    assert float(loss) == pytest.approx(1.5, rel=5 * (2 / (400 * 36)) ** 0.5)


def test_classes_cost_their_entropies() -> None:
    """Even odds: ln K an atom, and ln K for each of the (n − 1)/2 pairs that an atom has; late times cost no more."""
    data = clean(3, 9, 1.0)
    even = data.replace({name: torch.zeros_like(part) for name, part in data.parts.items()})
    for t in (0.1, 0.9):
        losses = balanced_loss(even, data, flowmol_schedules(CONFIG), torch.full((3,), t), 1.0).by_modality
        assert float(losses["types"]) == pytest.approx(math.log(CONFIG.n_types), rel=1e-5)
        assert float(losses["charges"]) == pytest.approx(math.log(CONFIG.n_charges), rel=1e-5)
        assert float(losses["bonds"]) == pytest.approx(4 * math.log(CONFIG.n_bonds), rel=1e-5)


def test_padding_costs_nothing() -> None:
    schedules, t = flowmol_schedules(CONFIG), torch.tensor([0.4, 0.8])
    one, other = clean(1, 5, 1.0), clean(1, 8, 1.0)
    both = MoleculeState.cat([one, other])
    logits = both.randn_like(torch.Generator().manual_seed(0))
    padded = balanced_loss(logits, both, schedules, t, 1.0)
    alone = [
        balanced_loss(logits.select(torch.tensor([index])), data, schedules, t[index : index + 1], 1.0).total
        for index, data in enumerate((one, other))
    ]
    assert float(padded.total) == pytest.approx(float(5 * alone[0] + 8 * alone[1]) / 13, rel=1e-5)
