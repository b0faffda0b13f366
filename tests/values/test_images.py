from __future__ import annotations

import pytest
import torch

from molvm.errors import ConfigError, StateError
from molvm.schedules import LinearSchedule, Schedules
from molvm.states import TensorState
from molvm.values.base import ValueNet
from molvm.values.images import ImageValue, ImageValueConfig, blurred_half
from molvm.values.ladder import IMAGE_SIZES


def states(count: int = 3, size: int = 8) -> TensorState:
    generator = torch.Generator().manual_seed(0)
    return TensorState(torch.randn(count, 2, size, size, generator=generator), torch.tensor([3, 5, 9])[:count])


def a_network(**settings: object) -> ImageValue:
    torch.manual_seed(0)
    network = ImageValue(2, ImageValueConfig((8, 16)), **settings)  # type: ignore[arg-type]
    torch.nn.init.normal_(network.output.weight)
    return network


def test_it_starts_at_zero() -> None:
    network = ImageValue(2, ImageValueConfig((8, 16)), conditions=[3, 5, 9])
    assert bool((network(states(), torch.full((3,), 0.5)) == 0).all())


def test_time_and_condition_matter_and_samples_do_not_mix() -> None:
    network, x, t = a_network(conditions=[9, 3, 5]), states(), torch.tensor([0.2, 0.5, 0.9])
    values = network(x, t)
    assert values.shape == (3,)
    assert torch.allclose(network(x.select(torch.tensor([1])), t[1:2]), values[1:2], atol=1e-5)
    assert not torch.allclose(network(x, t.flip(0)), values)
    assert not torch.allclose(network(TensorState(x.x, torch.tensor([5, 9, 3])), t), values)
    with pytest.raises(StateError, match="conditional"):
        network(TensorState(x.x), t)


def test_prompts_are_known_by_what_describes_them() -> None:
    twins = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    network, x, t = a_network(conditions=[3, 5, 9], descriptions=twins), states(), torch.full((3,), 0.5)
    first, second, third = (network(TensorState(x.x, torch.full((3,), c)), t) for c in (3, 5, 9))
    assert torch.equal(first, second)
    assert not torch.allclose(first, third)
    with pytest.raises(ConfigError, match="descriptions"):
        a_network(conditions=[3], descriptions=twins)


def test_the_blur_keeps_what_is_constant_and_removes_what_alternates() -> None:
    assert torch.allclose(blurred_half(torch.full((1, 2, 6, 6), 3.0)), torch.full((1, 2, 3, 3), 3.0))
    board = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(3, 3)[None, None]
    assert float(blurred_half(board).abs().max()) < 1e-6


def test_the_gradient_is_the_derivative() -> None:
    value = ValueNet(
        a_network(conditions=[3, 5, 9]).double(), Schedules({"x": LinearSchedule()}), 2.0, conditions=[3, 5, 9]
    )
    x, t = states().to(dtype=torch.float64), torch.full((3,), 0.6, dtype=torch.float64)
    direction = x.randn_like(torch.Generator().manual_seed(1))
    step = 1e-5
    numeric = (value(x + direction.scale(step), t) - value(x - direction.scale(step), t)) / (2 * step)
    assert torch.allclose(value.gradient(x, t).inner(direction), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("size", "millions"), [("A", 0.5), ("B", 1.8), ("D", 15.1), ("F", 92.3)])
def test_the_ladder_has_about_the_papers_sizes(size: str, millions: float) -> None:
    with torch.device("meta"):
        network = ImageValue(3, IMAGE_SIZES[size], conditions=[0])
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.15)
