"""T9: path weights are exact under any control, and log Z from both directions agrees."""

from __future__ import annotations

import pytest
import torch

from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import IntervalReward, QuadraticReward
from molvm.objectives.diagnostics import log_mean_exp
from molvm.schedules import LinearSchedule
from molvm.sde import simulate, time_grid

MODEL = GaussianMixtureModel((GaussianMixture.of([0.5, 0.5], [[0.0], [3.0]], [[1.0], [0.16]]),), LinearSchedule())
COUNT = 6000


@pytest.mark.parametrize("gain", [0.0, 0.5, 1.0, 1.3])
@pytest.mark.parametrize("reward", [QuadraticReward((0.5,)), IntervalReward(0.0, 1.0)], ids=["linear", "interval"])
def test_mean_weight_is_the_analytic_partition(reward: QuadraticReward | IntervalReward, gain: float) -> None:
    """mean exp(log weight − log Z) = 1 with the analytic log Z, for no, a weak, the right and too strong a control."""
    strength = 1.5
    log_z = float(reward.log_partition(MODEL.mixtures[0], strength))
    generator = torch.Generator().manual_seed(5)
    path = simulate(
        MODEL,
        MODEL.noise(None, COUNT, generator),
        time_grid(MODEL.schedules, 100),
        control=ExactValue(MODEL, reward, strength, gain=gain),
        generator=generator,
        keep_states=False,
    )
    ratios = torch.exp(path.log_weight(strength, reward(path.terminal.parts["x"])) - log_z)
    # 1 %: the chain's terminal law is not exactly the base's.
    assert float(ratios.mean()) == pytest.approx(1.0, abs=3 * float(ratios.std()) / COUNT**0.5 + 0.01)
    if gain == 0.0:
        assert path.path_cost.abs().max() == 0


def test_adapted_and_base_estimates_agree_and_the_bound_is_below() -> None:
    reward, strength = QuadraticReward((0.5,)), 1.5
    estimates = {}
    for gain in (0.0, 1.0):
        generator = torch.Generator().manual_seed(6)
        path = simulate(
            MODEL,
            MODEL.noise(None, COUNT, generator),
            time_grid(MODEL.schedules, 100),
            control=ExactValue(MODEL, reward, strength, gain=gain),
            generator=generator,
            keep_states=False,
        )
        weights = path.log_weight(strength, reward(path.terminal.parts["x"]))
        estimates[gain] = float(log_mean_exp(weights))
        assert float(weights.mean()) < estimates[gain]
    assert estimates[0.0] == pytest.approx(estimates[1.0], abs=0.05)
