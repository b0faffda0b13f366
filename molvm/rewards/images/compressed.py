"""How many bits an image takes as a file: compressibility and incompressibility."""

from __future__ import annotations

import io
from typing import Any, Final, Literal, get_args

from molvm.arguments import typed
from molvm.errors import RewardError, UnknownNameError
from molvm.images.image import Image
from molvm.rewards.base import Direction, Outcome
from molvm.rewards.images.base import ImageReward

Format = Literal["jpeg", "png", "webp"]

QUALITY: Final = 85
"""Of the Value Matching paper and of DDPO."""


WORST: Final = 100.0
"""Bits per pixel that a failed image counts as where few are wanted; even files of 8 x 8 pixels take less."""


class Compressed(ImageReward):
    """Bits per pixel of the image as a file, 8 bytes/(height width), the file's header included.

    JPEG and PNG files are written with Pillow's `optimize=True`. The header of a JPEG file takes some hundred bytes:
    little beside a photograph, most of the file of a tiny image.

    Args:
        format: "jpeg", "png" (without loss), or "webp".
        direction: "minimise" for images that compress well, "maximise" for those that do not.
        quality: Of JPEG and WebP, 1 to 100.

    Raises:
        UnknownNameError: There is no such format.
        RewardError: The quality is out of range, or the direction is no direction.
    """

    unit = "bits/pixel"

    def __init__(self, format: Format = "jpeg", direction: Direction = "minimise", quality: int = QUALITY) -> None:
        super().__init__(direction)
        if format not in get_args(Format):
            raise UnknownNameError("image format", format, get_args(Format))
        if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
            raise RewardError(f"The quality is {quality!r}.", allowed="a whole number from 1 to 100")
        self.name, self.format, self.quality = format, format, quality
        self.note = f"quality {quality}" if format != "png" else ""
        self.floor = WORST if direction == "minimise" else 0.0

    def evaluate(self, image: Image) -> Outcome:
        """Bits per pixel."""
        buffer, options = io.BytesIO(), {"optimize": True} if self.format != "webp" else {}
        chosen: dict[str, Any] = options if self.format == "png" else {**options, "quality": self.quality}
        image.pil().save(buffer, format=self.format.upper(), **chosen)
        height, width, _ = image.pixels.shape
        return self.succeed(image, 8 * buffer.tell() / (height * width))


def jpeg(direction: Direction = "minimise", quality: int = QUALITY) -> Compressed:
    """Bits per pixel as a JPEG file; `jpeg(direction=maximise)` for images that do not compress.

    As Pillow writes it with `optimize=True`; without, an image of 16 x 16 takes ten bits a pixel more.

    Args:
        direction: "minimise" or "maximise".
        quality: 1 to 100; 85 in the Value Matching paper.
    """
    return Compressed("jpeg", direction, quality)


@typed()
def compressed(format: Format, direction: Direction = "minimise", quality: int = QUALITY) -> Compressed:
    """Bits per pixel as a file of another format: png or webp.

    Args:
        format: "jpeg", "png" or "webp".
        direction: "minimise" or "maximise".
        quality: 1 to 100, of JPEG and WebP.
    """
    return Compressed(format, direction, quality)
