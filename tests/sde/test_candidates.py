from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from molvm.errors import ConfigError, StateError
from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import IntervalReward, QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.sde import Guided, SamplingOptions, Trajectory, simulate, time_grid
from molvm.sde.candidates import tempered
from molvm.sde.control import Steering
from molvm.sde.strides import strides_of
from molvm.states import State, TensorState

MODEL = GaussianMixtureModel((GaussianMixture.of([0.5, 0.5], [[0.0], [3.0]], [[1.0], [0.16]]),), LinearSchedule())
STRENGTH = 1.5
COUNT = 4000


def path(
    reward: QuadraticReward | IntervalReward, gain: float, candidates: int, steps: int = 50, **how: int
) -> Trajectory:
    return steered_by(Guided(ExactValue(MODEL, reward, STRENGTH), gain), candidates, steps, **how)


def steered_by(control: Steering, candidates: int, steps: int = 50, **how: int) -> Trajectory:
    generator = torch.Generator().manual_seed(5)
    return simulate(
        MODEL,
        MODEL.noise(None, COUNT, generator),
        time_grid(MODEL.schedules, steps),
        control=control,
        generator=generator,
        keep_states=False,
        candidates=candidates,
        **how,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("gain", [0.0, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("reward", [QuadraticReward((0.5,)), IntervalReward(0.0, 1.0)], ids=["linear", "interval"])
def test_mean_weight_is_the_analytic_partition(reward: QuadraticReward | IntervalReward, gain: float) -> None:
    """Mean weight = Z whatever V chooses by: cost and Itô increments are the density of proposals and choice."""
    found = path(reward, gain, candidates=4)
    log_z = float(reward.log_partition(MODEL.mixtures[0], STRENGTH))
    ratios = torch.exp(found.log_weight(STRENGTH, reward(found.terminal.parts["x"])) - log_z)
    assert float(ratios.mean()) == pytest.approx(1.0, abs=3 * float(ratios.std()) / COUNT**0.5 + 0.02)
    assert bool((found.path_cost.abs() < 1e-9).all()) == (gain == 0)


def test_many_candidates_make_the_target_law() -> None:
    """The mean of p* and its log Z are approached from below as candidates grow; few pay less and tilt less."""
    reward = QuadraticReward((1.0,), 0.5)
    law, log_z = reward.tilt(MODEL.mixtures[0], STRENGTH)
    target, base = float(law.mean()), float(MODEL.mixtures[0].mean())
    shares, bounds = [], []
    for candidates in (2, 4, 24):
        found = path(reward, 1.0, candidates)
        x = found.terminal.parts["x"]
        shares.append((float(x.mean()) - base) / (target - base))
        bounds.append(float((STRENGTH * reward(x) - found.path_cost).mean() / torch.logsumexp(log_z, 0)))
    assert shares == sorted(shares)
    assert bounds == sorted(bounds)
    assert shares[0] < 0.75
    assert shares[-1] == pytest.approx(1.0, abs=0.08)
    assert 0.9 < bounds[-1] <= 1.0


def test_a_step_costs_at_most_the_logarithm_of_the_candidates() -> None:
    found = path(IntervalReward(0.0, 1.0), 50.0, candidates=3)
    assert 0 <= float(found.running_cost.min()) <= float(found.running_cost.max()) <= math.log(3) + 1e-9
    assert float(found.ito.mean()) == pytest.approx(0, abs=4 * float(found.ito.std()) / found.ito.numel() ** 0.5)


class Reading:
    """V of the base's endpoint, and a base that counts what it is asked."""

    reads = "endpoint"

    def __call__(self, x: State, t: Tensor) -> Tensor:
        return -x.parts["x"].squeeze(1)

    def gradient(self, x: State, t: Tensor) -> State:
        raise AssertionError("a choice takes no gradient")


class Counting:
    schedules = MODEL.schedules

    def __init__(self) -> None:
        self.asked: list[int] = []

    def predict_endpoint(self, x: State, t: Tensor) -> State:
        self.asked.append(len(x))
        return MODEL.predict_endpoint(x, t)


def test_the_base_is_asked_once_of_each_proposal_and_not_again_of_the_chosen_one() -> None:
    options = SamplingOptions(steps=20, steer_from=0.4, steer_until=0.7, candidates=5)
    grid, model = options.grid(MODEL.schedules), Counting()
    generator = torch.Generator().manual_seed(0)
    start = TensorState(torch.randn(3, 1, generator=generator))
    found = simulate(
        model,  # type: ignore[arg-type]
        start,
        grid,
        control=Reading(),
        generator=generator,
        allowance=options.allowance(grid),
        keep_endpoints=True,
        candidates=5,
    )
    steered = int(((grid[:-1] >= 0.4) & (grid[:-1] <= 0.7)).sum())
    assert sorted(model.asked) == [3] * (20 - steered) + [15] * steered
    assert bool((found.running_cost.abs().sum(dim=1) > 0).sum() == steered)
    for k in range(20):  # what is kept is what the base says of the states
        t = grid[k].to(start.dtype).expand(3)
        expected = MODEL.predict_endpoint(found.states[k], t).parts["x"]
        torch.testing.assert_close(found.endpoints[k].parts["x"], expected, check_dtype=False)


def test_an_allowance_tempers_the_choice() -> None:
    weights = 5 * torch.randn(200, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for allowed in (0.01, 0.3, 1.0):
        shares = tempered(weights, allowed)
        divergence = (shares.exp() * (shares + math.log(6))).sum(dim=1)
        free = torch.log_softmax(weights, dim=1)
        free_divergence = (free.exp() * (free + math.log(6))).sum(dim=1)
        torch.testing.assert_close(shares.exp().sum(dim=1), torch.ones(200, dtype=torch.float64))
        torch.testing.assert_close(divergence, free_divergence.clamp(max=allowed), rtol=1e-5, atol=1e-7)
        assert torch.equal(shares.argmax(dim=1), weights.argmax(dim=1))
    torch.testing.assert_close(tempered(weights, math.inf), torch.log_softmax(weights, dim=1))


def test_what_does_not_go_together_is_refused() -> None:
    for wrong in ({"candidates": 0}, {"candidates": 4, "look_ahead": 1}, {"candidates": 4, "noise_level": 0.5}):
        with pytest.raises(ConfigError):
            SamplingOptions(**wrong)  # type: ignore[arg-type]
    assert SamplingOptions(candidates=4).with_noise(0).candidates == 1
    assert SamplingOptions(candidates=4).with_noise(1).candidates == 4


@pytest.mark.parametrize("every", [2, 5])
@pytest.mark.parametrize("gain", [0.5, 1.0])
def test_several_steps_and_a_choice_have_an_exact_density_too(every: int, gain: float) -> None:
    reward = IntervalReward(0.0, 1.0)
    found = path(reward, gain, candidates=4, choose_every=every)
    log_z = float(reward.log_partition(MODEL.mixtures[0], STRENGTH))
    ratios = torch.exp(found.log_weight(STRENGTH, reward(found.terminal.parts["x"])) - log_z)
    assert float(ratios.mean()) == pytest.approx(1.0, abs=3 * float(ratios.std()) / COUNT**0.5 + 0.02)
    assert found.steps == len(found.times) - 1 == len(found.running_cost) == -(-49 // every) + 1


def test_without_a_wish_candidates_that_go_far_are_the_base() -> None:
    """A V that is the same everywhere chooses at random: nothing is paid, and the law is the base's."""
    found = path(QuadraticReward((1.0,)), 0.0, candidates=3, choose_every=7)
    assert float(found.path_cost.abs().max()) < 1e-9
    x, law = found.terminal.parts["x"], MODEL.mixtures[0]
    assert float(x.mean()) == pytest.approx(float(law.mean()), abs=5 * float(x.std()) / COUNT**0.5)
    assert float(x.var()) == pytest.approx(float(law.covariance().squeeze()), rel=0.1)


def test_a_choice_between_several_steps_pays_less_for_a_rough_value() -> None:
    """Where V has noise that says nothing, fewer choices follow less of it: the same gain costs less."""

    class Rough:
        """λr of the endpoint with ripples that are finer than a step."""

        reads = "endpoint"

        def __call__(self, x: State, t: Tensor) -> Tensor:
            y = x.parts["x"].squeeze(1)
            return -y - 0.7 * torch.sin(2000 * y)

        def gradient(self, x: State, t: Tensor) -> State:
            raise AssertionError("a choice takes no gradient")

    gained, paid = [], []
    for every in (1, 6):
        found = steered_by(Rough(), candidates=4, choose_every=every)
        gained.append(float(found.terminal.parts["x"].mean()) - float(MODEL.mixtures[0].mean()))
        paid.append(float(found.path_cost.mean()))
    assert gained[1] ** 2 / paid[1] > 1.5 * gained[0] ** 2 / paid[0]


def test_a_stride_ends_where_nothing_steers() -> None:
    options = SamplingOptions(steps=20, steer_from=0.4, steer_until=0.7, candidates=5, choose_every=3)
    grid = options.grid(MODEL.schedules)
    strides = strides_of(grid, options.allowance(grid), candidates=5, choose_every=3)
    assert [stride.first for stride in strides[1:]] == [stride.end for stride in strides[:-1]]
    assert (strides[0].first, strides[-1].end) == (0, 20)
    steered = [stride for stride in strides if stride.chooses]
    assert [stride.end - stride.first for stride in steered] == [3, 1]
    assert all((stride.end - stride.first, stride.allowed) == (1, 0) for stride in strides if not stride.chooses)
    assert all(stride.pulls for stride in strides_of(grid, None, candidates=1, choose_every=4))


def test_an_allowance_of_several_steps_is_theirs_together() -> None:
    options = SamplingOptions(steps=50, candidates=6, choose_every=5, kl_limit=0.8)
    grid = options.grid(MODEL.schedules)
    generator = torch.Generator().manual_seed(0)
    found = simulate(
        MODEL,
        MODEL.noise(None, 50, generator),
        grid,
        control=ExactValue(MODEL, IntervalReward(0.0, 1.0), 50.0),
        generator=generator,
        allowance=options.allowance(grid),
        candidates=6,
        choose_every=5,
    )
    assert 0.4 < float(found.path_cost.mean()) <= float(found.path_cost.max()) <= 0.8 + 1e-6


def test_noise_between_choices_is_not_kept() -> None:
    with pytest.raises(StateError, match="noise is not kept"):
        path(QuadraticReward((1.0,)), 1.0, candidates=3, choose_every=2, keep_noise=True)


def test_candidates_that_go_far_tell_of_every_step() -> None:
    seen: list[tuple[int, int]] = []
    path(QuadraticReward((1.0,)), 1.0, candidates=2, steps=20, choose_every=7, on_step=lambda *a: seen.append(a))  # type: ignore[arg-type]
    assert seen == [(step, 20) for step in range(1, 21)]
