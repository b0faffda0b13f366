"""From values in [-1, 1] to images that rewards judge."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from molvm.images.image import Image


def to_images(values: Tensor, prompts: Sequence[str]) -> list[Image]:
    """Images of 256 levels: round((x + 1) 127.5), clamped, as diffusers quantises.

    Args:
        values: (B, 1 or 3, height, width), about in [-1, 1].
        prompts: What each image was asked to show, B texts.
    """
    levels = ((values.detach().float() + 1) * 127.5).round().clamp(0, 255).byte()
    pixels = levels.permute(0, 2, 3, 1).cpu().numpy()
    return [Image(each, prompt=prompt) for each, prompt in zip(pixels, prompts, strict=True)]
