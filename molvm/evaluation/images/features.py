"""What describes an image by numbers, and says what that is: distances in two kinds of features are two things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from molvm.errors import ImageError
from molvm.images.image import Image

LARGEST: Final = 32
"""Pixels a side that are compared; larger images are averaged over blocks."""

COMPONENTS: Final = 64
"""Principal components of pixels that the Fréchet distance is taken in, at most."""

Kind = Literal["inception", "clip", "dreamsim", "digits", "pixels"]


class Extractor(Protocol):
    """Describes images by numbers."""

    @property
    def kind(self) -> Kind:
        """Of the features."""
        ...

    @property
    def name(self) -> str:
        """What tables call them, with the weights that they are of."""
        ...

    @property
    def is_fid(self) -> bool:
        """Whether the Fréchet distance of them is the published FID."""
        ...

    def __call__(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Features (n, d) of n images of one size."""
        ...


class PixelExtractor:
    """The pixels themselves, where no network's weights are at hand: they see colours and places, and no meaning."""

    kind: Kind = "pixels"
    name = "pixels"
    is_fid = False

    def __call__(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Levels from 1/256 to 1, of `LARGEST` pixels a side at most: (n, height · width · channels).

        Raises:
            ImageError: There are no images, or they differ in size.
        """
        shapes = {image.pixels.shape for image in images}
        if len(shapes) != 1:
            raise ImageError(f"There are images of {len(shapes)} sizes to compare.", allowed="one or more of one size")
        height, width, channels = shapes.pop()
        block = -(-max(height, width) // LARGEST)
        # Black is not zero: a black image has a direction too.
        levels = (np.stack([image.pixels for image in images]).astype(np.float64) + 1) / 256
        rows, columns = height - height % block, width - width % block
        blocks = levels[:, :rows, :columns].reshape(
            len(images), rows // block, block, columns // block, block, channels
        )
        found: NDArray[np.float64] = blocks.mean(axis=(2, 4)).reshape(len(images), -1)
        return found


def principal_components(
    features: NDArray[np.float64], reference: NDArray[np.float64], most: int = COMPONENTS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both sets in the principal components of both together, so that neither hides what the other lacks.

    Args:
        features: (n, d).
        reference: (m, d).
        most: Components, at most; of n and m samples never more than a quarter of the smaller number.

    Returns:
        (n, k) and (m, k).
    """
    both = np.concatenate([features, reference])
    _, _, axes = np.linalg.svd(both - both.mean(axis=0), full_matrices=False)
    chosen = axes[: max(1, min(most, min(len(features), len(reference)) // 4))]
    return features @ chosen.T, reference @ chosen.T
