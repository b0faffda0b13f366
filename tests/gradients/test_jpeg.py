from __future__ import annotations

import pytest
import torch

from molvm.gradients import require_differentiable
from molvm.gradients.jpeg import jpeg_bits
from molvm.models.images.decode import to_images
from molvm.rewards import jpeg
from molvm.states import TensorState


def images(channels: int, height: int, width: int) -> TensorState:
    """From noise to clouds, from faint to stark."""
    generator = torch.Generator().manual_seed(0)
    frequency = torch.sqrt(torch.fft.fftfreq(height)[:, None] ** 2 + torch.fft.fftfreq(width) ** 2) + 1 / width
    found = []
    for roughness in (0.0, 1.0, 2.0, 3.0):
        noise = torch.randn(4, channels, height, width, generator=generator)
        clouds = torch.fft.ifft2(torch.fft.fft2(noise) * frequency**-roughness).real
        contrasts = torch.tensor([0.05, 0.2, 0.5, 1.0])[:, None, None, None]
        found.append(contrasts * clouds / clouds.std(dim=(1, 2, 3), keepdim=True))
    return TensorState(torch.cat(found).double())


def bits(x: TensorState, quality: int = 85) -> torch.Tensor:
    values = [outcome.value for outcome in jpeg(quality=quality)(to_images(x.x, [""] * len(x)))]
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 16, 16), (3, 32, 32), (3, 60, 44), (1, 20, 9)])
@pytest.mark.parametrize("quality", [30, 85])
def test_it_follows_the_size_of_the_file(channels: int, height: int, width: int, quality: int) -> None:
    x = images(channels, height, width)
    both = torch.stack([jpeg_bits(((x.x + 1) / 2).clamp(0, 1), quality), bits(x, quality)])
    assert float(torch.corrcoef(both)[0, 1]) > 0.97
    assert float((both[0] / both[1]).log().abs().max()) < 0.7


def test_descending_it_makes_smaller_files() -> None:
    x = images(3, 32, 32).select(slice(4, 8))
    worth = require_differentiable(jpeg(), "it")
    before = bits(x)
    for _ in range(30):
        gradient = worth.gradient(x)
        x = x + gradient.scale(0.5 / gradient.squared_norm().sqrt())
    assert bool((bits(x) < before - 0.1).all())


def test_its_gradient_is_its_slope() -> None:
    x, worth = images(3, 16, 16), require_differentiable(jpeg("maximise"), "it")
    direction = x.randn_like(torch.Generator().manual_seed(1))
    ahead, behind = (worth(x + direction.scale(step)) for step in (1e-6, -1e-6))
    torch.testing.assert_close(worth.gradient(x).inner(direction), (ahead - behind) / 2e-6, rtol=1e-4, atol=1e-6)
