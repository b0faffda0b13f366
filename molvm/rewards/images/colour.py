"""How bright an image is, and how near to a colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molvm.arguments import typed
from molvm.errors import RewardError
from molvm.images.image import Image
from molvm.rewards.base import Direction, Outcome
from molvm.rewards.images.base import ImageReward

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue (ITU-R BT.601), as Pillow's and JPEG's."""


class Brightness(ImageReward):
    """Mean luma of the pixels, 0 for black to 1 for white.

    Args:
        direction: "maximise" for bright images, "minimise" for dark ones.
    """

    name, unit = "brightness", ""

    def __init__(self, direction: Direction = "maximise") -> None:
        super().__init__(direction)
        self.floor = 0.0 if direction == "maximise" else 1.0

    def evaluate(self, image: Image) -> Outcome:
        """The mean."""
        return self.succeed(image, float(_rgb(image).mean(axis=(0, 1)) @ LUMA))


class ColourDistance(ImageReward):
    """Root mean square distance of the pixels to a colour, each channel from 0 to 1; to be minimised.

    Args:
        red: 0 to 1.
        green: 0 to 1.
        blue: 0 to 1.

    Raises:
        RewardError: A channel is out of range.
    """

    name, unit, floor = "colour", "", 1.0

    def __init__(self, red: float, green: float, blue: float) -> None:
        super().__init__("minimise")
        self.target: Sequence[float] = (red, green, blue)
        if not all(0 <= channel <= 1 for channel in self.target):
            raise RewardError(f"The colour is {self.target}.", allowed="red, green and blue from 0 to 1")
        self.note = f"towards {red:g}, {green:g}, {blue:g}"

    def evaluate(self, image: Image) -> Outcome:
        """The distance."""
        difference = _rgb(image) - np.asarray(self.target)
        return self.succeed(image, float(np.sqrt(np.square(difference).mean())))


def brightness(direction: Direction = "maximise") -> Brightness:
    """Mean brightness of an image, 0 for black to 1 for white.

    Args:
        direction: "maximise" or "minimise".
    """
    return Brightness(direction)


@typed()
def colour(red: float, green: float, blue: float) -> ColourDistance:
    """Distance of an image's pixels to a colour, root mean square over pixels and channels; to be minimised.

    Args:
        red: 0 to 1.
        green: 0 to 1.
        blue: 0 to 1.
    """
    return ColourDistance(red, green, blue)


def _rgb(image: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = image.pixels / 255.0
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))
