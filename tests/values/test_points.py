from __future__ import annotations

import pytest
import torch

from molvm.errors import ConfigError
from molvm.states import TensorState
from molvm.values.points import PointValue, PointValueConfig

T = torch.linspace(0, 1, 5)


def points(classes: torch.Tensor | None = None) -> TensorState:
    return TensorState(torch.randn(5, 2, generator=torch.Generator().manual_seed(0)), classes)


@pytest.mark.parametrize("config", [PointValueConfig(), PointValueConfig(width=8, depth=1, frequencies=0, octaves=3)])
def test_a_fresh_network_is_zero_but_can_learn(config: PointValueConfig) -> None:
    network = PointValue(2, config)
    value = network(points(), T)
    assert value.shape == (5,)
    assert torch.equal(value, torch.zeros(5))
    value.sum().backward()
    assert float(network.layers[-1].weight.grad.abs().max()) > 0


def test_the_seed_decides_the_weights_whatever_the_global_state() -> None:
    torch.rand(3)
    first, second, other = PointValue(2, seed=4), PointValue(2, seed=4), PointValue(2, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.layers[0].weight, other.layers[0].weight)


def test_classes_and_times_are_seen() -> None:
    network = PointValue(2, classes=3)
    torch.nn.init.ones_(network.layers[-1].weight)
    network.requires_grad_(False)
    one, two = (network(points(torch.full((5,), c)), T) for c in (0, 2))
    assert float((one - two).abs().min()) > 0
    late = network(points(torch.zeros(5, dtype=torch.int64)), T.flip(0))
    assert float((one - late)[[0, 1, 3, 4]].abs().min()) > 0


@pytest.mark.parametrize("bad", [{"width": 0}, {"depth": 0}, {"frequencies": -1}, {"octaves": -1}], ids=str)
def test_impossible_sizes_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="cannot be built"):
        PointValueConfig(**bad)
