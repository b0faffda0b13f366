from __future__ import annotations

import math

import pytest
import torch

from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.objectives import Rollout, ValueMatching
from molvm.objectives.base_bound import BaseBound
from molvm.objectives.diagnostics import path_diagnostics
from molvm.runs.advice import about_missed_modes
from molvm.schedules import LinearSchedule
from molvm.sde import simulate, time_grid
from molvm.states import State
from molvm.values.points import PointValue

MODEL = GaussianMixtureModel((GaussianMixture.of([0.5, 0.5], [[-3.0], [3.0]], [[0.25], [0.25]]),), LinearSchedule())
RIGHT = GaussianMixtureModel((GaussianMixture.of([0.5, 0.5], [[3.0], [3.0]], [[0.25], [0.25]]),), LinearSchedule())
COUNT = 1_000


class OnlyRight:
    """V = −log of the right mode's share of x_t: steers all that there is into one mode of two."""

    def gradient(self, x: State, t: torch.Tensor) -> State:
        """∇V, by the difference of the endpoints: the score of the right mode less that of both."""
        # σ²∇V moves the endpoint: x̂₁ − (β²/α)∇V is that of the right mode alone.
        alpha, beta = MODEL.schedule.alpha(t.double()), MODEL.schedule.beta(t.double())
        apart = MODEL.predict_endpoint(x, t) - RIGHT.predict_endpoint(x, t)
        return apart.scale((alpha / beta**2).to(torch.float64)).to(dtype=x.dtype)


def excess(bound: BaseBound, index: list[int], log_weights: list[float]) -> float | None:
    found = bound.excess(torch.tensor(index), torch.tensor(log_weights))
    return None if found is None else found.nats


def test_the_bound_is_the_mean_weight_of_each_condition() -> None:
    def bound() -> BaseBound:
        made = BaseBound(3)
        made.add(torch.tensor([0, 2]), torch.tensor([1.0, 700.0]))
        made.add(torch.tensor([0]), torch.tensor([2.0]))
        return made

    assert excess(bound(), [0], [0.0]) == pytest.approx(math.log((math.exp(1.0) + math.exp(2.0)) / 2))
    assert excess(bound(), [2, 2], [700.0, 700.0]) == pytest.approx(0.0, abs=1e-9)
    assert excess(bound(), [1], [0.0]) is None
    # Conditions count as often as they occur among the paths, those that the base was not seen in not at all.
    assert excess(bound(), [1, 2, 2], [5.0, 699.0, 699.0]) == pytest.approx(1.0, abs=1e-9)


def test_paths_of_several_rounds_are_pooled_and_old_ones_fade() -> None:
    bound = BaseBound(1)
    bound.add(torch.tensor([0]), torch.tensor([0.0]))
    assert excess(bound, [0], [1.0]) == pytest.approx(-1.0)
    pooled = (0.9 * math.exp(1.0) + math.exp(2.0)) / 1.9
    assert excess(bound, [0], [2.0]) == pytest.approx(-math.log(pooled))


def test_the_samples_behind_the_bound_are_counted_by_their_weights() -> None:
    bound = BaseBound(2)
    bound.add(torch.tensor([0, 0, 1, 1, 1]), torch.tensor([3.0, 3.0, 0.0, 90.0, 0.0]))
    found = bound.excess(torch.tensor([0, 1]), torch.zeros(2))
    assert found is not None
    assert found.samples == pytest.approx(3.0)
    one = bound.excess(torch.tensor([1]), torch.zeros(1))
    assert one is not None
    assert one.samples == pytest.approx(1.0)


def test_it_is_restored() -> None:
    bound, other = BaseBound(2), BaseBound(2)
    bound.add(torch.tensor([1, 1]), torch.tensor([0.5, -1.0]))
    excess(bound, [1], [0.25])
    other.load_state_dict(bound.state_dict())
    assert excess(other, [1], [0.0]) == excess(bound, [1], [0.0])
    with pytest.raises(RuntimeError, match="another shape"):
        BaseBound(3).load_state_dict(bound.state_dict())


def test_a_checkpoint_without_squares_is_read_and_proves_nothing() -> None:
    bound = BaseBound(2)
    sums = torch.tensor([math.log(3.0), -math.inf], dtype=torch.float64)
    bound.load_state_dict({"sums": sums, "counts": torch.tensor([3.0, 0.0], dtype=torch.float64)})
    found = bound.excess(torch.tensor([0]), torch.tensor([-1.0]))
    assert found is not None
    assert (found.nats, found.samples) == (pytest.approx(1.0), pytest.approx(1.0))
    with pytest.raises(RuntimeError, match="another shape"):
        bound.load_state_dict({"sums": torch.zeros(3), "counts": torch.zeros(3)})


def test_a_control_that_misses_a_mode_is_found_out_although_its_own_sample_size_is_large() -> None:
    """r = 0, everything steered to the right of two modes; log Z is 0, the paths say −log 2."""
    learner = ValueMatching.build(PointValue(1), MODEL.schedules, 1.0)
    generator = torch.Generator().manual_seed(0)
    metrics = {}
    for name, control in (("base", None), ("collapsed", OnlyRight())):
        noise = MODEL.noise(None, COUNT, generator)
        path = simulate(MODEL, noise, time_grid(MODEL.schedules, 100), control=control, generator=generator)
        metrics[name] = learner.observe(Rollout(path, torch.zeros(COUNT), 1.0))
        if name == "collapsed":
            assert float((path.terminal.parts["x"] > 0).double().mean()) > 0.99
            assert path_diagnostics(path.log_weight(1.0, torch.zeros(COUNT))).ess > 0.9
    assert "base_excess" not in metrics["base"]
    assert metrics["collapsed"]["base_excess"] == pytest.approx(math.log(2), abs=0.05)
    assert about_missed_modes(metrics["collapsed"]) is not None
