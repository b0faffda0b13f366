from __future__ import annotations

import math

import pytest
import torch

from molvm.errors import ConfigError
from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.sde import Control, Guided, SamplingOptions, Trajectory, simulate

LAW = GaussianMixture.of([1.0], [[0.5, 0.0]], [[[0.49, 0.2], [0.2, 0.3]]])
MODEL = GaussianMixtureModel((LAW,), LinearSchedule())
REWARD = QuadraticReward((0.6, -0.4))


def steered(control: Control, count: int = 4000, noise_level: float = 1.0) -> Trajectory:
    generator, options = torch.Generator().manual_seed(2), SamplingOptions(noise_level=noise_level)
    noise = MODEL.noise(None, count, generator)
    grid, stepper = options.grid(MODEL.schedules), options.stepper(MODEL)
    return simulate(MODEL, noise, grid, control=control, generator=generator, stepper=stepper, keep_states=False)


@pytest.mark.parametrize("guidance", [0.5, 2.0])
@pytest.mark.parametrize("noise_level", [1.0, 0.0])
def test_of_a_linear_reward_on_a_gaussian_it_multiplies_the_strength(guidance: float, noise_level: float) -> None:
    expected, _ = REWARD.tilt(LAW, 1.5 * guidance)
    path = steered(Guided(ExactValue(MODEL, REWARD, 1.5), guidance), noise_level=noise_level)
    deviations = expected.covariance().diagonal().sqrt()
    assert bool(((path.terminal.x.mean(0) - expected.mean()).abs() < (3 / 4000**0.5 + 0.01) * deviations).all())


def test_one_and_nought_are_the_control_and_the_base() -> None:
    control = ExactValue(MODEL, REWARD, 1.5)
    torch.testing.assert_close(steered(Guided(control, 1.0), 8).terminal.x, steered(control, 8).terminal.x)
    base = steered(Guided(control, 0.0), 8)
    assert float(base.path_cost.abs().max()) == 0.0


def test_paths_keep_exact_weights() -> None:
    """Whatever the factor, weighted samples have the mean of the tilted law of the asked strength."""
    expected, log_z = REWARD.tilt(LAW, 1.5)
    path = steered(Guided(ExactValue(MODEL, REWARD, 1.5), 0.6), 8000)
    log_weights = path.log_weight(1.5, REWARD(path.terminal.x))
    weights = torch.softmax(log_weights, dim=0)
    torch.testing.assert_close(weights @ path.terminal.x, expected.mean(), rtol=0.0, atol=0.03)
    assert float(torch.logsumexp(log_weights, 0) - math.log(8000)) == pytest.approx(float(log_z), abs=0.03)


def test_a_control_of_the_endpoint_stays_one() -> None:
    class OfTheEndpoint(ExactValue):
        reads = "endpoint"

    assert Guided(OfTheEndpoint(MODEL, REWARD, 1.0), 2.0).reads == "endpoint"
    assert Guided(ExactValue(MODEL, REWARD, 1.0), 2.0).reads == "state"


@pytest.mark.parametrize("guidance", [-1.0, math.inf, math.nan])
def test_senseless_factors_are_refused(guidance: float) -> None:
    with pytest.raises(ConfigError, match="guidance"):
        Guided(ExactValue(MODEL, REWARD, 1.0), guidance)
