from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.sde import (
    SamplingOptions,
    SoftValue,
    SvddOptions,
    learned_value,
    posterior_mean_value,
    soft_value_decoding,
)
from molvm.states import State, TensorState

GAUSSIAN = GaussianMixture.of([1.0], [[0.5]], [[0.49]])
MODEL = GaussianMixtureModel((GAUSSIAN,), LinearSchedule())
REWARD, STRENGTH = QuadraticReward((1.0,)), 0.8
OPTIONS = SamplingOptions(steps=20)


def target(points: Sequence[Tensor]) -> Tensor:
    return STRENGTH * REWARD(torch.stack(list(points)))


def decoded(
    value: SoftValue,
    options: SvddOptions,
    count: int = 3000,
    sampling: SamplingOptions = OPTIONS,
    model: GaussianMixtureModel = MODEL,
) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    x = soft_value_decoding(
        model,
        model.noise(None, count, generator),
        sampling.grid(model.schedules),
        value,
        options,
        generator=generator,
        stepper=sampling.stepper(model),
    )
    return x.parts["x"].squeeze(1)


def chain(sampling: SamplingOptions = OPTIONS) -> tuple[dict[float, float], float, float]:
    """Of the Gaussian base's own chain: d E[x_K | x_k] / d x_k at each time, and mean and variance of x_K."""
    grid, slopes, mean, variance = sampling.grid(MODEL.schedules), {1.0: 1.0}, 0.0, 1.0
    steps = sampling.stepper(MODEL)(MODEL.schedules, grid[:-1], grid[1:]).steps()
    factors = []
    for t, step in zip(grid, steps, strict=False):
        zero, one = (
            float(MODEL.predict_endpoint(TensorState(torch.full((1, 1), at).double()), t[None]).x) for at in (0, 1)
        )
        factors.append(step.keep["x"] + step.pull["x"] * (one - zero))
        mean = factors[-1] * mean + step.pull["x"] * zero
        variance = factors[-1] ** 2 * variance + step.noise["x"] ** 2
    for t, after, factor in zip(grid[:-1].flip(0), grid[1:].flip(0), reversed(factors), strict=True):
        slopes[float(t)] = factor * slopes[float(after)]
    return slopes, mean, variance


def test_the_value_of_the_chain_reaches_the_tilt_of_the_chain() -> None:
    """64 candidates a step, softmax, a linear reward: mean, deviation and effective λ, at 20 steps."""
    slopes, mean, variance = chain()
    x = decoded(lambda x, t: STRENGTH * slopes[float(t)] * x.parts["x"].squeeze(1), SvddOptions(64))
    error = 3 / len(x) ** 0.5
    assert (float(x.mean()) - mean) / variance == pytest.approx(STRENGTH, abs=error / variance**0.5 + 0.02 * STRENGTH)
    assert float(x.std()) == pytest.approx(variance**0.5, rel=error + 0.01)


def test_the_posterior_mean_is_exact_for_a_linear_reward_on_a_gaussian() -> None:
    """There it differs from the soft value by a number of t alone; with few steps the chain's own value is another.

    With 20 steps it over-tilts by a sixth.
    """
    _, mean, variance = chain()
    x = decoded(
        lambda x, t: STRENGTH * REWARD(x.x if t == 1 else MODEL.predict_endpoint(x, t.expand(len(x))).x),
        SvddOptions(32),
        count=1500,
    )
    assert (float(x.mean()) - mean) / variance / STRENGTH == pytest.approx(1.17, abs=0.03 + 3 / 1500**0.5)
    value = learned_value(MODEL, ExactValue(MODEL, REWARD, STRENGTH), target)
    # And so is the learned value, wherever it is learned well.
    x, t = TensorState(torch.tensor([[0.3], [-1.0]]).double()), torch.tensor(0.4).double()
    guess = posterior_mean_value(MODEL, target)
    torch.testing.assert_close((value(x, t) - guess(x, t)).diff(), torch.zeros(1).double(), atol=1e-9, rtol=0)


def test_a_mixture_gets_the_weights_of_the_tilted_law() -> None:
    """The exact value at 40 steps, 16 candidates; the value of continuous time leaves a few hundredths."""
    law = GaussianMixture.of([0.5, 0.5], [[-1.0], [1.5]], [[0.36], [0.16]])
    model = GaussianMixtureModel((law,), LinearSchedule())
    exact = ExactValue(model, REWARD, STRENGTH)
    tilted, _ = REWARD.tilt(law, STRENGTH)

    def value(x: State, t: Tensor) -> Tensor:
        return STRENGTH * REWARD(x.parts["x"]) if t == 1 else -exact(x, t.expand(len(x)))

    x = decoded(value, SvddOptions(16), 800, SamplingOptions(steps=40), model)
    shares = torch.softmax(tilted.component_log_density(x[:, None]), 1).mean(0)
    torch.testing.assert_close(shares, tilted.log_weights.exp(), atol=0.04 + 0.025, rtol=0)


def test_the_best_candidate_is_no_sample_of_the_tilted_law() -> None:
    """Argmax, as published: for any λ it moves by the same, far beyond p*, and is narrower."""

    def value(x: State, t: Tensor) -> Tensor:
        return REWARD(x.parts["x"])

    found = decoded(value, SvddOptions(10, "argmax"))
    assert torch.equal(found, decoded(lambda x, t: value(x, t) / 2, SvddOptions(10, "argmax")))
    _, mean, variance = chain()
    assert float(found.mean()) > mean + STRENGTH * variance + 2 * variance**0.5
    assert float(found.std()) < 0.8 * variance**0.5


def test_every_step_asks_for_all_candidates_at_its_end() -> None:
    asked: list[tuple[int, float]] = []

    def value(x: State, t: Tensor) -> Tensor:
        asked.append((len(x), float(t)))
        return torch.zeros(len(x))

    x = decoded(value, SvddOptions(3), count=1000)
    assert asked == [(3000, float(t)) for t in OPTIONS.grid(MODEL.schedules)[1:]]
    # Nothing to choose by: the samples are those of the base.
    assert float(x.mean()) == pytest.approx(0.5, abs=3 * 0.7 / math.sqrt(1000))
    assert float(x.std()) == pytest.approx(0.7, rel=0.1)


def test_the_posterior_mean_decodes_what_the_base_expects() -> None:
    x, t = TensorState(torch.tensor([[0.3], [-1.0]], dtype=torch.float64)), torch.tensor(0.4, dtype=torch.float64)
    value = posterior_mean_value(MODEL, target)
    expected = STRENGTH * MODEL.predict_endpoint(x, t.expand(2)).x.squeeze(1)
    torch.testing.assert_close(value(x, t), expected)
    torch.testing.assert_close(value(x, torch.tensor(1.0, dtype=torch.float64)), STRENGTH * x.x.squeeze(1))


@pytest.mark.parametrize("wrong", [{"particles": 1}, {"pick": "best"}])
def test_options_out_of_range(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SvddOptions(**wrong)
