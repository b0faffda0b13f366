"""The `Image`: plain pixels that every layer and every process can share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molvm.errors import ImageError

if TYPE_CHECKING:
    import PIL.Image

CHANNELS = {1: "L", 3: "RGB"}
"""How Pillow calls images of so many channels."""


@dataclass(frozen=True, eq=False)
class Image:
    """An image as a model has made it.

    Args:
        pixels: (height, width, channels), uint8; one channel for grey values, three for red, green and blue.
        id: What the image is called in outcomes and files.
        prompt: What it was asked to show: the name of a class, or a text; empty if nothing was.
        properties: Further data that travels with the image.

    Raises:
        ImageError: The pixels are not of that kind, or there are none.
    """

    pixels: NDArray[np.uint8]
    id: str = ""
    prompt: str = ""
    properties: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in CHANNELS or pixels.size == 0:
            raise ImageError(
                f"Image {self.id!r} has pixels of type {pixels.dtype} and shape {pixels.shape}.",
                allowed="uint8 of shape (height, width, 1 or 3)",
            )
        pixels = pixels.copy()
        pixels.setflags(write=False)
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "properties", dict(self.properties))

    def __repr__(self) -> str:
        """Short: the pixels would fill a screen."""
        height, width, channels = self.pixels.shape
        return f"Image({self.id!r}, {width} x {height}, {CHANNELS[channels]})"

    def _repr_png_(self) -> bytes:
        """Itself, for notebooks."""
        from molvm.images.files import png_bytes

        return png_bytes(self)

    @property
    def digest(self) -> str:
        """Of the pixels alone: equal images have one digest, whatever they are called."""
        return hashlib.sha256(repr(self.pixels.shape).encode() + self.pixels.tobytes()).hexdigest()

    def pil(self) -> PIL.Image.Image:
        """A Pillow image of mode L or RGB; a copy.

        Raises:
            MissingDependencyError: Pillow is not installed.
        """
        from molvm.images.pillow import pillow

        mode = CHANNELS[self.pixels.shape[2]]
        found: PIL.Image.Image = pillow().fromarray(self.pixels[:, :, 0] if mode == "L" else self.pixels).convert(mode)
        return found

    @classmethod
    def from_pil(cls, image: PIL.Image.Image, id: str = "", **fields: Any) -> Image:
        """The image of a Pillow image; grey values stay grey, everything else becomes RGB."""
        pixels = np.array(image if image.mode in CHANNELS.values() else image.convert("RGB"), dtype=np.uint8)
        return cls(pixels.reshape(*pixels.shape[:2], -1), id, **fields)
