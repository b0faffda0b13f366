"""At the optimum the paper's targets keep the variance 2 KL-to-go; with the Itô integral nothing is left of it."""

from __future__ import annotations

import pytest
import torch

from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.sde import simulate, time_grid

STEPS, COUNT = 100, 2_000


@pytest.mark.parametrize("dimension", [1, 10])
def test_the_variance_of_the_target_at_the_optimum(dimension: int) -> None:
    means = torch.zeros(2, dimension)
    means[1, 0] = 1.5
    law = GaussianMixture.of([0.5, 0.5], means, torch.full((2, dimension), 0.49))
    model = GaussianMixtureModel((law,), LinearSchedule())
    reward, strength = QuadraticReward((1.0,) * dimension, 0.5), 1.0
    generator = torch.Generator().manual_seed(0)
    start = model.noise(None, COUNT, generator)
    control = ExactValue(model, reward, strength)
    path = simulate(model, start, time_grid(model.schedules, STEPS), control=control, generator=generator)
    paid = path.cost_to_go()[0] - strength * reward(path.terminal.parts["x"])
    corrected = paid + path.ito_to_go()[0]
    kl = float(path.path_cost.mean())
    assert float(paid.var()) == pytest.approx(2 * kl, rel=0.15)
    assert float(corrected.var()) <= 0.01 * float(paid.var())
