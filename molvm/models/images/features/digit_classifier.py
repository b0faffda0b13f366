"""A bundled small classifier of hand-written digits, whose features tell images of the base `digits` apart offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from molvm.errors import ImageError, ModelError
from molvm.images.image import Image
from molvm.models.images.denoiser import frozen
from molvm.models.images.judges.weights import read_weights

SIZE: Final = 16
"""Pixels a side, those of the base `digits`."""

FEATURES: Final = 48

WEIGHTS: Final = Path(__file__).parent / "digit_classifier.safetensors"
"""Made by `benchmarks/digit_classifier.py`; the card beside them says how well it does."""


class DigitClassifier(nn.Module):
    """Three convolutions, a layer of features, and one of classes."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * (SIZE // 4) ** 2, FEATURES),
            nn.ReLU(),
        )
        self.classes = nn.Linear(FEATURES, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) of images (B, 1, 16, 16) in [-1, 1]."""
        found: Tensor = self.classes(self.features(x))
        return found


class DigitExtractor:
    """What the classifier's last hidden layer says, 48 numbers from 0 whose variances over real digits sum to 1.

    A Fréchet distance in it is like the FID, in that a network sees what images show rather than where they are black;
    it is not the FID, and of nothing but grey digits of 16 x 16 pixels does it mean anything.

    Raises:
        ModelError: The bundled weights are damaged.
    """

    kind: Final = "digits"
    name = "a bundled classifier of digits"
    is_fid = False

    def __init__(self) -> None:
        network = DigitClassifier()
        try:
            network.load_state_dict(read_weights(WEIGHTS))
        except RuntimeError as error:
            raise ModelError(f"The weights {WEIGHTS} are damaged: {error!r:.300}.", remedy="molvm anew") from error
        frozen(network)
        self._network = network

    @torch.no_grad()
    def __call__(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Features (n, 48).

        Raises:
            ImageError: There are none, or one is of another size or coloured.
        """
        return np.asarray(self._network.features(_values(images)).double().numpy())

    @torch.no_grad()
    def digits(self, images: Sequence[Image]) -> NDArray[np.int64]:
        """What the classifier takes the images for, (n,), from 0 to 9.

        Raises:
            ImageError: There are none, or one is of another size or coloured.
        """
        return np.asarray(self._network(_values(images)).argmax(dim=1).numpy())


def _values(images: Sequence[Image]) -> Tensor:
    """(n, 1, 16, 16) in [-1, 1]."""
    shapes = {image.pixels.shape for image in images}
    if shapes != {(SIZE, SIZE, 1)}:
        said = ", ".join(" x ".join(map(str, shape)) for shape in sorted(shapes)) or "no images"
        raise ImageError(
            f"The classifier of digits sees {said}.",
            allowed=f"grey images of {SIZE} x {SIZE}",
            remedy="other features: --no-digits",
        )
    levels = torch.from_numpy(np.stack([image.pixels[..., 0] for image in images]))[:, None].float()
    return levels / 127.5 - 1
