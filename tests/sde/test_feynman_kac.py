from __future__ import annotations

import math
from functools import lru_cache

import pytest
import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.sde import (
    FeynmanKacOptions,
    SamplingOptions,
    feynman_kac_particles,
    log_potential,
    simulate,
)

LAW = GaussianMixture.of([0.5, 0.5], [[0.0], [3.0]], [[1.0], [0.16]])
MODEL = GaussianMixtureModel((LAW,), LinearSchedule())
REWARD, STRENGTH = QuadraticReward((0.8,)), 1.0
KINDS = ("difference", "max", "sum", "reward")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("looks", [1, 2, 5])
def test_the_potentials_of_a_path_multiply_to_the_reward(kind: str, looks: int) -> None:
    rewards = torch.randn(6, looks, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    total = sum(log_potential(kind, rewards[:, :k], last=k == looks) for k in range(1, looks + 1))
    torch.testing.assert_close(total, rewards[:, -1])


def test_the_potentials_are_those_of_the_paper() -> None:
    """Rewards 0.3, 1.2, 0.7, of which published code makes 2.2 (sum) and 1.2 (max)."""
    rewards = torch.tensor([[0.3, 1.2, 0.7]], dtype=torch.float64)
    found = {kind: [float(log_potential(kind, rewards[:, :k], last=k == 3)) for k in (1, 2, 3)] for kind in KINDS}
    assert found["difference"] == pytest.approx([0.3, 0.9, -0.5])
    assert found["max"] == pytest.approx([0.3, 1.2, -0.8])
    assert found["sum"] == pytest.approx([0.3, 1.5, -1.1])
    assert found["reward"] == pytest.approx([0.3, 1.2, -0.8])


def steered(kind: str, looks: int, count: int = 600, particles: int = 16) -> tuple[Tensor, Tensor]:
    """One sample of each group by its weights, and each group's estimate of log Z."""
    generator, options = torch.Generator().manual_seed(2), SamplingOptions(steps=30)
    found = feynman_kac_particles(
        MODEL,
        MODEL.noise(None, count * particles, generator),
        options.grid(MODEL.schedules),
        lambda x, t: STRENGTH * REWARD(x.x if t == 1 else MODEL.predict_endpoint(x, t.expand(len(x))).x),
        FeynmanKacOptions(particles, kind, looks),
        generator=generator,
        stepper=options.stepper(MODEL),
    )
    chosen = torch.multinomial(torch.softmax(found.log_weights, 1), 1, generator=generator)
    x = found.terminal.x.view(count, particles).gather(1, chosen).squeeze(1)
    return x, found.log_z + torch.logsumexp(found.log_weights, 1) - math.log(particles)


@lru_cache
def tilted_chain() -> tuple[float, float, float, float]:
    """Mean, deviation, weight above 2 and log Z of what the base's own chain makes, tilted by exp(λr)."""
    generator, options = torch.Generator().manual_seed(7), SamplingOptions(steps=30)
    noise = MODEL.noise(None, 60_000, generator)
    path = simulate(MODEL, noise, options.grid(MODEL.schedules), generator=generator, keep_states=False)
    x, log_weights = path.terminal.x.squeeze(1), STRENGTH * REWARD(path.terminal.x)
    weights = torch.softmax(log_weights, 0)
    mean = float(weights @ x)
    deviation = float(weights @ (x - mean).square()) ** 0.5
    return mean, deviation, float(weights @ (x > 2).double()), float(torch.logsumexp(log_weights, 0)) - math.log(len(x))


@pytest.mark.parametrize(("kind", "looks"), [("difference", 7), ("max", 7), ("sum", 4), ("reward", 4), ("max", 1)])
def test_samples_obey_the_tilt_of_the_chain(kind: str, looks: int) -> None:
    """Mean, weight of the upper mode and log Z, against weighted samples of the same chain, within 3 errors."""
    mean, deviation, upper, expected = tilted_chain()
    x, log_z = steered(kind, looks)
    # 3 standard errors and what 16 particles leave: their bias is of order 1/16 of the spread of the weights.
    assert float(x.mean()) == pytest.approx(mean, abs=3 * deviation / len(x) ** 0.5 + 0.08)
    assert float((x > 2).double().mean()) == pytest.approx(upper, abs=3 * (upper * (1 - upper) / len(x)) ** 0.5 + 0.03)
    assert float(torch.logsumexp(log_z, 0)) - math.log(len(log_z)) == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize("wrong", [{"particles": 1}, {"looks": 0}, {"potential": "product"}])
def test_options_out_of_range(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        FeynmanKacOptions(**wrong)
