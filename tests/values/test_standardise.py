"""Running statistics of features in time."""

from __future__ import annotations

import torch

from molvm.values.standardise import WINDOW, RunningMeans, RunningStandardisation


def drawn(count: int, t: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Features whose mean is (3 + 4t, −1) and whose deviation is (2, 0.5)."""
    noise = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed), dtype=t.dtype)
    mean = torch.stack([3 + 4 * t, torch.full_like(t, -1.0)], dim=1)
    return mean + noise * torch.tensor([2.0, 0.5], dtype=t.dtype)


def test_what_was_observed_comes_out_with_mean_zero_and_deviation_one() -> None:
    layer = RunningStandardisation(2, knots=8).double()
    t = torch.rand(40_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for seed in range(10):
        layer.observe(drawn(len(t), t, seed), t)
    for time in (0.06, 0.31, 0.5, 0.94):
        at = torch.full((20_000,), time, dtype=torch.float64)
        standard = layer(drawn(len(at), at, 99), at)
        torch.testing.assert_close(standard.mean(0), torch.zeros(2).double(), atol=0.1, rtol=0)
        torch.testing.assert_close(standard.std(0), torch.ones(2).double(), atol=0.1, rtol=0)


def test_forward_changes_nothing_and_its_gradient_is_a_scale() -> None:
    layer = RunningStandardisation(2).double()
    t = torch.linspace(0, 1, 200, dtype=torch.float64)
    layer.observe(drawn(200, t), t)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    features = drawn(200, t, 5).requires_grad_()
    (gradient,) = torch.autograd.grad(layer(features, t).sum(), features)
    step = torch.tensor([0.3, 0.0], dtype=torch.float64)
    torch.testing.assert_close(layer(features + step, t) - layer(features, t), gradient * step)
    for name, value in layer.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_first_observation_counts_in_full_and_old_ones_fade() -> None:
    means = RunningMeans(1, knots=1).double()
    t = torch.zeros(10, dtype=torch.float64)
    means.observe(torch.full((10, 1), 5.0, dtype=torch.float64), t)
    assert means(torch.tensor([0.0, 1.0]).double()).flatten().tolist() == [5, 0], "nothing was seen at t = 1"
    for _ in range(40):
        means.observe(torch.full((100, 1), -1.0, dtype=torch.float64), t[:1].expand(100))
    torch.testing.assert_close(means(t[:1]).item(), -1.0, atol=0.01, rtol=0)
    assert float(means.count[0]) == WINDOW


def test_where_nothing_was_observed_features_stay_as_they_are() -> None:
    features = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    found = RunningStandardisation(2)(features, torch.tensor([0.1, 0.5, 0.9]))
    torch.testing.assert_close(found, features, rtol=1e-3, atol=1e-3)


def test_a_channel_without_variation_is_finite() -> None:
    layer = RunningStandardisation(1)
    t = torch.full((50,), 0.4)
    layer.observe(torch.ones(50, 1), t)
    assert layer(torch.full((1, 1), 1.01), t[:1]).abs() < 2
