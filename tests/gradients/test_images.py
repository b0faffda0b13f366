from __future__ import annotations

import pytest
import torch

from molvm.errors import ConfigError
from molvm.gradients import require_differentiable
from molvm.models.images.decode import to_images
from molvm.rewards import brightness, colour, compressed
from molvm.rewards.images.colour import Brightness
from molvm.states import TensorState

REWARDS = [brightness(), brightness(direction="minimise"), colour(0.2, 0.7, 0.4)]


def images(channels: int) -> TensorState:
    x = 1.6 * torch.rand(3, channels, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    return TensorState(x)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("reward", REWARDS, ids=["bright", "dark", "colour"])
def test_they_are_the_rewards_of_the_decoded_images(reward: Brightness, channels: int) -> None:
    x, sign = images(channels), 1 if reward.direction == "maximise" else -1
    worth = require_differentiable(reward, "it")
    values = [outcome.value for outcome in reward(to_images(x.x, ["", "", ""]))]
    torch.testing.assert_close(sign * worth(x), torch.tensor(values, dtype=torch.float64), atol=1 / 255, rtol=0)


@pytest.mark.parametrize("reward", REWARDS, ids=["bright", "dark", "colour"])
def test_their_gradient_is_their_slope(reward: Brightness) -> None:
    x, worth = images(3), require_differentiable(reward, "it")
    found, direction = worth.gradient(x), x.randn_like(torch.Generator().manual_seed(1))
    ahead, behind = (worth(x + direction.scale(step)) for step in (1e-6, -1e-6))
    torch.testing.assert_close(found.inner(direction), (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-9)


def test_beyond_white_nothing_is_brighter() -> None:
    x = TensorState(torch.full((1, 1, 2, 2), 1.2))
    assert not bool(require_differentiable(brightness(), "it").gradient(x).x.any())


def test_a_black_box_is_refused_with_the_methods_that_can() -> None:
    with pytest.raises(ConfigError) as caught:
        require_differentiable(compressed("png"), "DRaFT")
    for word in (
        "DRaFT",
        "black box",
        "value-matching",
        "ddpo",
        "svdd",
        "feynman-kac",
        "best-of",
        "of_state",
        "objective.gradient",
    ):
        assert word in str(caught.value)
