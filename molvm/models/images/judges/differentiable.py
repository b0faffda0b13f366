"""What CLIP, and what was trained from it, say of pixels, as differentiable functions of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from molvm.models.images.judges.clip import ClipJudge

JUDGES: Final = ("clip_score", "cosine", "scaled_cosine", "head")
"""Those that CLIP's embeddings are enough for."""


class DifferentiableClip:
    """A `ClipJudge` of pixels instead of images: the same value to the rounding to 256 levels, with its graph.

    Pixels are resized as Pillow does, bicubically and with antialiasing, and cropped in the middle. A CLIP score is
    flat where the cosine is negative.

    Args:
        settings: As the reward hands them to its program: `judge`, one of `JUDGES`, and the paths of its files.

    Raises:
        ModelError: Its files cannot be read.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        paths = {key: Path(value) for key, value in settings.items() if key != "judge"}
        self.judge = settings["judge"]
        self.clip = ClipJudge(paths["clip"], paths.get("checkpoint"), paths.get("head"))
        self._texts: dict[str, Tensor] = {}

    def __call__(self, levels: Tensor, prompts: Sequence[str]) -> Tensor:
        """The values, shape (B,).

        Args:
            levels: Red, green and blue from 0 to 1, (B, 3, height, width).
            prompts: What each image was asked to show, B texts.
        """
        clip = self.clip
        seen = clip.embedding_of_pixels(_prepared(levels, clip.processor))
        if self.judge == "head":
            return clip.head(seen).to(levels.dtype)
        read = torch.cat([self._text(prompt) for prompt in prompts])
        cosine: Tensor = (seen * read).sum(dim=-1).to(levels.dtype)
        if self.judge == "clip_score":
            return 100 * cosine.clamp(min=0)
        return cosine * float(clip.scale) if self.judge == "scaled_cosine" else cosine

    def _text(self, prompt: str) -> Tensor:
        """Read once."""
        if prompt not in self._texts:
            self._texts[prompt] = self.clip.embedding_of_text(prompt)
        return self._texts[prompt]


def _prepared(levels: Tensor, processor: Any) -> Tensor:
    """What the processor makes of images, in the type of the pixels."""
    shortest = processor.size["shortest_edge"]
    height, width = levels.shape[-2:]
    scale = shortest / min(height, width)
    size = (max(shortest, int(height * scale)), max(shortest, int(width * scale)))
    if size != (height, width):
        resized = functional.interpolate(levels, size, mode="bicubic", antialias=True)
        levels = resized.clamp(0, 1)
    top, left = ((one - processor.crop_size[name]) // 2 for one, name in zip(size, ("height", "width"), strict=True))
    cropped = levels[..., top : top + processor.crop_size["height"], left : left + processor.crop_size["width"]]
    mean, deviation = (levels.new_tensor(each)[:, None, None] for each in (processor.image_mean, processor.image_std))
    prepared: Tensor = (cropped - mean) / deviation
    return prepared
