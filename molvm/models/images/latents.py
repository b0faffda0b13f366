"""Latents of an autoencoder, and the images that they stand for."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from molvm.models.images.denoiser import frozen
from molvm.models.images.placement import Placement


class LatentDecoder:
    """The decoder of an `AutoencoderKL`: images of latents z = (latent − shift) · scale.

    Args:
        autoencoder: Of diffusers.
        placement: Where it computes.
    """

    def __init__(self, autoencoder: Any, placement: Placement) -> None:
        self.placement = placement
        # The encoder is never used, and as large as the decoder.
        autoencoder.encoder = None
        self.autoencoder: Any = frozen(autoencoder)
        self.scale = float(autoencoder.config.scaling_factor)
        self.shift = float(autoencoder.config.shift_factor or 0.0)

    def __call__(self, z: Tensor) -> Tensor:
        """Pixels, about in [-1, 1], float32."""
        place = self.placement.ready(self.autoencoder)
        pixels: Tensor = self.autoencoder.decode((z / self.scale + self.shift).to(**place)).sample
        return pixels.float()
