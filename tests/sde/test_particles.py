from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import IntervalReward, QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.sde import Control, Guided, SamplingOptions, effective_particles, twisted_particles
from molvm.sde.particles import Particles, resampled

LAW = GaussianMixture.of([0.5, 0.5], [[0.0], [3.0]], [[1.0], [0.16]])
MODEL = GaussianMixtureModel((LAW,), LinearSchedule())
REWARD, STRENGTH = QuadraticReward((0.5,), 0.3, (-1.0,)), 1.5


def groups(control: Control, particles: int, count: int, steps: int = 40, seed: int = 0) -> Particles:
    generator, options = torch.Generator().manual_seed(seed), SamplingOptions(steps=steps)
    grid = options.grid(MODEL.schedules)
    return twisted_particles(
        MODEL,
        MODEL.noise(None, count * particles, generator),
        particles,
        grid,
        control=control,
        generator=generator,
        stepper=options.stepper(MODEL),
        allowance=options.allowance(grid),
    )


def drawn(found: Particles, strength: float) -> tuple[Tensor, Tensor]:
    """One sample of each group by its last weights, and each group's estimate of log Z."""
    groups, particles = found.log_weights.shape
    x = found.terminal.x.reshape(groups, particles)
    last = found.log_weights + strength * REWARD(found.terminal.x).view(groups, particles)
    chosen = torch.multinomial(torch.softmax(last, 1), 1, generator=torch.Generator().manual_seed(5))
    return x.gather(1, chosen).squeeze(1), found.log_z + torch.logsumexp(last, 1) - math.log(particles)


@pytest.mark.parametrize("guidance", [0.0, 0.5, 1.5])
def test_a_wrong_control_still_ends_at_the_tilted_law(guidance: float) -> None:
    """A control that is absent, half or one and a half as strong: mean, deviation and log Z of p* within 3 errors."""
    law, log_z = REWARD.tilt(LAW, STRENGTH)
    count = 500
    samples, estimates = drawn(groups(Guided(ExactValue(MODEL, REWARD, STRENGTH), guidance), 16, count), STRENGTH)
    deviation = float(law.covariance().squeeze().sqrt())
    assert float(samples.mean()) == pytest.approx(float(law.mean()), abs=(3 / count**0.5 + 0.02) * deviation)
    assert float(samples.std()) == pytest.approx(deviation, rel=0.1)
    # The estimate of Z is unbiased.
    assert float(torch.logsumexp(estimates, 0)) - math.log(count) == pytest.approx(float(log_z), abs=0.05)


def test_an_exact_control_leaves_all_particles_alike() -> None:
    found = groups(ExactValue(MODEL, REWARD, STRENGTH), 16, 50, steps=100)
    last = found.log_weights + STRENGTH * REWARD(found.terminal.x).view(50, 16)
    assert float(effective_particles(last).mean()) > 11


def test_resampling_keeps_the_expectation_and_the_group() -> None:
    generator = torch.Generator().manual_seed(1)
    log_weights = torch.tensor([[0.0, 0.0, 0.0, 3.0], [0.0, 0.1, 0.0, 0.0]])
    seen = torch.zeros(8)
    for _ in range(500):
        kept, after, log_z = resampled(log_weights, torch.zeros(2), generator)
        seen += torch.bincount(kept, minlength=8)
    weights = torch.softmax(log_weights[0], 0)
    torch.testing.assert_close(seen[:4] / 2000, weights, rtol=0.0, atol=0.02)
    # The second group is rich enough and stays as it is.
    assert torch.equal(seen[4:], torch.full((4,), 500.0))
    torch.testing.assert_close(after, torch.stack([torch.zeros(4), log_weights[1]]))
    torch.testing.assert_close(log_z, torch.tensor([math.log(float(log_weights[0].exp().mean())), 0.0]))


def test_one_particle_is_plain_steering() -> None:
    control = ExactValue(MODEL, REWARD, STRENGTH)
    found = groups(control, 1, 50)
    torch.testing.assert_close(found.log_weights[:, 0], -found.path_cost - found.ito, rtol=1e-4, atol=1e-3)


def test_a_step_reward_that_the_control_does_not_know() -> None:
    """P*(x in the interval) from unsteered particles alone."""
    reward, strength, count = IntervalReward(2.0, math.inf), 2.0, 500
    found = groups(Guided(ExactValue(MODEL, REWARD, 1.0), 0.0), 32, count)
    last = found.log_weights + strength * reward(found.terminal.x).view(count, 32)
    chosen = torch.multinomial(torch.softmax(last, 1), 1, generator=torch.Generator().manual_seed(5))
    inside = reward(found.terminal.x).view(count, 32).gather(1, chosen).mean()
    share = float(reward(LAW.sample(400_000, torch.Generator().manual_seed(3))).mean())
    expected = share * math.exp(strength) / (share * math.exp(strength) + 1 - share)
    assert float(inside) == pytest.approx(expected, abs=0.06)
