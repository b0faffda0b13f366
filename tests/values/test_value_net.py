from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from molvm.errors import ConfigError, StateError
from molvm.schedules import CosineSchedule, LinearSchedule, Schedules
from molvm.states import State, TensorState
from molvm.values import ValueNet

SCHEDULES = Schedules({"x": LinearSchedule(), "slow": CosineSchedule(2.0)})


class Norm(nn.Module):
    """f = ½|x|² + t, with one parameter for the type."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x: State, t: Tensor) -> Tensor:
        return self.one * x.squared_norm() / 2 + t


def points(classes: list[int] | None = None) -> TensorState:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return TensorState(x, None if classes is None else torch.tensor(classes))


T = torch.tensor([0.0, 0.3, 0.7, 1.0], dtype=torch.float64)


def test_value_is_strength_times_baseline_plus_gated_network() -> None:
    value = ValueNet(Norm(), SCHEDULES, 3.0)
    value.baseline.fill_(-0.5)
    f = points().x.square().sum(1) / 2 + T
    torch.testing.assert_close(value(points(), T), 3 * (-0.5 + T * f))
    torch.testing.assert_close(value.gradient(points(), T).x, 3 * T[:, None] * points().x)


def test_without_gate_the_network_reaches_the_start() -> None:
    value = ValueNet(Norm(), SCHEDULES, 3.0, gated=False)
    torch.testing.assert_close(value.gradient(points(), T).x, 3 * points().x)


def test_gradient_keeps_the_precision_of_the_state_and_no_graph() -> None:
    value = ValueNet(Norm(), SCHEDULES, 3.0)
    with torch.no_grad():
        gradient = value.gradient(points().to(dtype=torch.float32), T)
    assert gradient.dtype == torch.float32
    assert not gradient.x.requires_grad
    assert value.features.one.grad is None


def test_each_condition_has_its_own_start() -> None:
    value = ValueNet(Norm(), SCHEDULES, 2.0, conditions=[9, 4, 7])
    values = torch.tensor([1.0, 1.0, 3.0, 3.0, 8.0, 8.0])
    condition = torch.tensor([4, 4, 9, 9, 7, 7])
    for _ in range(200):
        value.update_baseline(condition, values, window=50)
    torch.testing.assert_close(
        value.initial_value(torch.tensor([9, 7, 4])), torch.tensor([3.0, 8.0, 1.0]), rtol=1e-3, atol=1e-3
    )
    at_start = value(points([4, 7, 9, 4]), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(at_start.float(), torch.tensor([1.0, 8.0, 3.0, 1.0]), rtol=1e-3, atol=1e-3)


def test_a_rare_condition_is_not_set_by_one_draw() -> None:
    """40 samples of one condition have told what values look like; the single draw of another counts a fifth."""
    value = ValueNet(Norm(), SCHEDULES, 1.0, conditions=[1, 2])
    value.update_baseline(torch.ones(40, dtype=torch.int64), torch.full((40,), 10.0), window=1000)
    value.update_baseline(torch.tensor([2]), torch.tensor([0.0]), window=1000)
    assert value.initial_value(torch.tensor([1, 2])).tolist() == pytest.approx([10.0, 8.0])


def test_the_window_forgets_and_the_mean_before_it_is_plain() -> None:
    value = ValueNet(Norm(), SCHEDULES, 2.0)
    value.update_baseline(None, torch.tensor([2.0, 4.0]), window=100)
    value.update_baseline(None, torch.tensor([6.0]), window=100)
    assert float(value.initial_value()) == pytest.approx(4.0)
    for _ in range(2000):
        value.update_baseline(None, torch.tensor([1.0]), window=100)
    assert float(value.initial_value()) == pytest.approx(1.0, abs=1e-4)


def test_unknown_conditions_are_named() -> None:
    value = ValueNet(Norm(), SCHEDULES, 2.0, conditions=[3, 5])
    with pytest.raises(StateError, match="condition 4"):
        value(points([3, 4, 5, 3]), T)
    with pytest.raises(StateError, match="no condition"):
        value(points(), T)
    # Steering needs no V₀, so an unseen condition can still be sampled.
    assert bool(value.gradient(points([3, 4, 99, 3]), T).is_finite().all())


@pytest.mark.parametrize("strength", [-1.0, math.nan, math.inf])
def test_bad_strengths_are_refused(strength: float) -> None:
    with pytest.raises(ConfigError, match="λ"):
        ValueNet(Norm(), SCHEDULES, strength)


def test_an_empty_list_of_conditions_is_refused() -> None:
    with pytest.raises(ConfigError, match="no condition values"):
        ValueNet(Norm(), SCHEDULES, 1.0, conditions=[])


def test_log_partitions_are_logs_of_means_whatever_the_batches() -> None:
    """Within each condition, also where the weights are beyond every floating-point number."""
    generator = torch.Generator().manual_seed(1)
    condition, weights = torch.randint(2, (60,), generator=generator), 900 + 20 * torch.randn(60, generator=generator)
    value = ValueNet(Norm(), SCHEDULES, 3.0, conditions=[0, 1])
    for part in range(0, 60, 12):
        value.update_log_partition(condition[part : part + 12], weights[part : part + 12], window=1e6)
    for c in (0, 1):
        own = weights[condition == c].double()
        expected = torch.logsumexp(own, dim=0) - math.log(len(own))
        assert -float(value.initial_value(torch.tensor([c]))) == pytest.approx(float(expected), rel=1e-5)


def test_settled_log_partitions_are_those_of_conditions_whose_weights_are_alike_but_for_their_means() -> None:
    """Of normal weights: mean and half the variance."""
    generator = torch.Generator().manual_seed(3)
    condition = torch.randint(3, (6000,), generator=generator)
    weights = condition + torch.randn(6000, generator=generator)
    value = ValueNet(Norm(), SCHEDULES, 3.0, conditions=[0, 1, 2, 3])
    value.settle_log_partition(condition, weights)
    found = -value.initial_value(torch.arange(3))
    torch.testing.assert_close(found, torch.tensor([0.5, 1.5, 2.5]), rtol=0, atol=0.1)
    alone = ValueNet(Norm(), SCHEDULES, 3.0)
    alone.settle_log_partition(None, weights[condition == 1])
    expected = torch.logsumexp(weights[condition == 1], dim=0) - math.log(int((condition == 1).sum()))
    assert -float(alone.initial_value()) == pytest.approx(float(expected), rel=1e-5)


def test_one_large_weight_does_not_rule_its_condition() -> None:
    """A dipole of 35 D among some of 3 D once set log Z of its number of atoms to 20 nats."""
    condition = torch.arange(10).repeat_interleave(100)
    weights = 0.5 * torch.randn(1000, generator=torch.Generator().manual_seed(4))
    without, withal = (ValueNet(Norm(), SCHEDULES, 1.0, conditions=list(range(10))) for _ in range(2))
    without.settle_log_partition(condition, weights)
    weights[0] += 9.0
    withal.settle_log_partition(condition, weights)
    moved = (without.initial_value(torch.arange(10)) - withal.initial_value(torch.arange(10))).abs()
    assert moved.max() < 2.5
    assert float(moved[1:].max() - moved[1:].min()) < 1e-5
    strict = ValueNet(Norm(), SCHEDULES, 1.0, conditions=list(range(10)))
    strict.update_log_partition(condition, weights, math.inf)
    assert -float(strict.initial_value(torch.tensor([0]))) > 3.5


def test_log_partitions_draw_on_no_other_condition() -> None:
    """A condition of a far larger Z leaves no trace in another; before it is seen, this one stands at the mean."""
    value = ValueNet(Norm(), SCHEDULES, 1.0, conditions=[1, 2, 3])
    value.update_log_partition(torch.tensor([1, 1, 3, 3]), torch.tensor([50.0, 50.0, 48.0, 48.0]), window=1000)
    pooled = 50 + math.log((1 + math.exp(-2)) / 2)
    assert value.initial_value(torch.tensor([1, 2, 3])).tolist() == pytest.approx([-50, -pooled, -48], rel=1e-6)
    value.update_log_partition(torch.tensor([2]), torch.tensor([3.0]), window=1000)
    assert value.initial_value(torch.tensor([1, 2])).tolist() == pytest.approx([-50, -3])


def test_a_log_partition_forgets_beyond_its_window() -> None:
    value = ValueNet(Norm(), SCHEDULES, 2.0)
    for weight in (40.0, *[1.0] * 400):
        value.update_log_partition(None, torch.full((10,), weight), window=50)
    assert float(value.initial_value()) == pytest.approx(-1.0, abs=1e-4)
