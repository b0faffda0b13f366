"""A field f(x, t) on images, for a residual control: a small U-Net, zero at the start."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from molvm.errors import ConfigError, StateError
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.states import State
from molvm.values.images import IMAGES_AT_ONCE


class ImageControl(nn.Module):
    """The network of the pixel flows, with its last layer at zero.

    Args:
        channels: Of the images or latents.
        size: Their height and width.
        widths: Channels at each resolution; those at which the image can no longer be halved are left out.
        conditions: The values that a condition can take; None for a process without condition.

    Raises:
        ConfigError: Images that such a network does not fit.
    """

    samples_at_once = IMAGES_AT_ONCE
    trained_at_once = IMAGES_AT_ONCE
    conditions: Tensor

    def __init__(
        self, channels: int, size: tuple[int, int], widths: Sequence[int], conditions: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        if size[0] != size[1]:
            raise ConfigError(f"The residual control is for square images, not for {size[0]} x {size[1]} pixels.")
        known = sorted(set(conditions or ()))
        self.register_buffer("conditions", torch.tensor(known, dtype=torch.int64), persistent=False)
        halvings = next(count for count in range(len(widths), 0, -1) if size[0] % 2 ** (count - 1) == 0)
        self.network = PixelNetwork(PixelConfig(size[0], channels, max(1, len(known)), tuple(widths[:halvings])))
        for parameter in self.network.leave[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: State, t: Tensor) -> State:
        """f(x, t), a state, of states of shape (B, channels, size, size)."""
        pixels = x.parts["x"]
        return x.replace({"x": self.network(pixels, t, self._places(x.condition, len(pixels)))})

    def _places(self, condition: Tensor | None, count: int) -> Tensor:
        if not len(self.conditions):
            return self.conditions.new_zeros(count)
        if condition is None:
            raise StateError("The control is conditional, but the samples have no condition.")
        return torch.searchsorted(self.conditions, condition.to(self.conditions))
