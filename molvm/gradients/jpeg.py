"""The size of an image as a JPEG file, as a differentiable estimate: what its quantised coefficients take.

An image is cut into blocks of 8 x 8 pixels, each channel of which is expanded in cosines and divided by a table that
depends on the quality (ITU-T T.81, Annexes A and K). What a file takes is a sum over these coefficients v of about
log₂(1 + 4v²) bits each, which rises where rounding would make them 1. Codes, runs and headers are left to constants.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

BLOCK: Final = 8

BITS: Final = 1.0
"""A unit of log₂(1 + 4v²), measured against Pillow's files."""

BITS_OF_BLOCK: Final = 2.0
"""The end of a block, and of its mean."""

HEADER_GREY, HEADER_COLOUR = 1280.0, 2250.0
"""Bits of a file before its first block, as Pillow writes it."""

LUMINANCE: Final = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Table K.1."""

CHROMINANCE: Final = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
"""Table K.2."""

YCBCR: Final = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def jpeg_bits(levels: Tensor, quality: int) -> Tensor:
    """Bits per pixel of the file, header included, shape (B,): an estimate whose slope is meant, not its value.

    Args:
        levels: Of grey, or of red, green and blue, from 0 to 1, (B, 1 or 3, height, width).
        quality: 1 to 100.
    """
    pixels = 255 * levels
    height, width = pixels.shape[-2:]
    if pixels.shape[1] == 1:
        bits = HEADER_GREY + _bits_of(pixels[:, 0] - 128, LUMINANCE, quality)
    else:
        planes = torch.einsum("bchw,dc->bdhw", pixels, pixels.new_tensor(YCBCR))
        bits = HEADER_COLOUR + _bits_of(planes[:, 0] - 128, LUMINANCE, quality)
        # Colours are kept at half the resolution.
        halved = functional.avg_pool2d(_padded(planes[:, 1:], 2), 2)
        bits = bits + _bits_of(halved[:, 0], CHROMINANCE, quality) + _bits_of(halved[:, 1], CHROMINANCE, quality)
    return bits / (height * width)


def _bits_of(plane: Tensor, table: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    """Of a channel (B, height, width), shape (B,)."""
    padded = _padded(plane[:, None], BLOCK)
    blocks = functional.unfold(padded, BLOCK, stride=BLOCK).mT.reshape(len(plane), -1, BLOCK, BLOCK)
    cosines = _cosines(plane)
    found = cosines @ blocks @ cosines.mT / _quantisation(plane, table, quality)
    means = found[..., 0, 0]
    # Means are written as differences from those of the block before.
    steps = torch.diff(means, dim=1, prepend=torch.zeros_like(means[:, :1]))
    first = torch.zeros_like(found[0, 0], dtype=torch.bool)
    first[0, 0] = True
    written = torch.where(first, steps[..., None, None], found)
    bits: Tensor = BITS * torch.log2(1 + 4 * written.square()).sum(dim=(1, 2, 3)) + BITS_OF_BLOCK * found.shape[1]
    return bits


def _quantisation(like: Tensor, table: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return ((like.new_tensor(table) * scale + 50) / 100).floor().clamp(1, 255)


def _cosines(like: Tensor) -> Tensor:
    """The orthonormal cosine transform of 8 numbers, (8, 8)."""
    places = torch.arange(BLOCK, dtype=torch.float64)
    waves = torch.cos(math.pi / BLOCK * (places + 0.5) * places[:, None]) * math.sqrt(2 / BLOCK)
    waves[0] /= math.sqrt(2)
    return waves.to(like)


def _padded(planes: Tensor, multiple: int) -> Tensor:
    """The last rows and columns repeated up to a multiple."""
    height, width = planes.shape[-2:]
    return functional.pad(planes, (0, -width % multiple, 0, -height % multiple), mode="replicate")
