from __future__ import annotations

import pytest
import torch

from molvm.errors import ConfigError, StateError
from molvm.states import TensorState
from molvm.values.image_control import ImageControl


def images(condition: list[int] | None, size: int = 12) -> TensorState:
    x = torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(0))
    return TensorState(x, None if condition is None else torch.tensor(condition))


def test_it_is_zero_at_the_start_and_of_the_size_of_the_images() -> None:
    for size in (5, 6, 12):
        control = ImageControl(1, (size, size), (8, 16, 16))
        found = control(images(None, size), torch.tensor([0.2, 0.7]))
        assert found.parts["x"].shape == (2, 1, size, size)
        assert not bool(found.parts["x"].any())
        assert len(control.network.config.widths) == {5: 1, 6: 2, 12: 3}[size]


def test_it_knows_the_condition() -> None:
    torch.manual_seed(0)
    control = ImageControl(1, (12, 12), (8, 16), conditions=[7, 3])
    torch.nn.init.normal_(control.network.leave[-1].weight)
    t = torch.tensor([0.5, 0.5])
    first, other = control(images([3, 3]), t), control(images([3, 7]), t)
    assert torch.equal(first.parts["x"][0], other.parts["x"][0])
    assert not torch.equal(first.parts["x"][1], other.parts["x"][1])
    with pytest.raises(StateError, match="no condition"):
        control(images(None), t)


def test_images_that_are_not_square_are_refused() -> None:
    with pytest.raises(ConfigError, match="square"):
        ImageControl(1, (8, 6), (8,))
