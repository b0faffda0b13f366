"""CLIP's embeddings of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from molvm.errors import ModelError
from molvm.images.image import Image
from molvm.models.images.denoiser import frozen

AT_ONCE: Final = 16
"""Images in one pass."""


class ClipExtractor:
    """The projected embeddings of CLIP's image tower, as CLIP score compares them.

    Args:
        folder: CLIP in the layout of transformers: settings and weights.

    Raises:
        ModelError: It cannot be read.
    """

    kind: Final = "clip"
    is_fid = False

    def __init__(self, folder: Path) -> None:
        from transformers import CLIPImageProcessor, CLIPModel

        try:
            self._model: Any = frozen(CLIPModel.from_pretrained(folder, local_files_only=True))
            self._pixels = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"CLIP cannot be read from {folder}: {error!r:.500}.", remedy="a fresh copy") from error
        self.name = f"CLIP, {folder}"

    @torch.no_grad()
    def __call__(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Embeddings of length 1, (n, d)."""
        found = []
        for start in range(0, len(images), AT_ONCE):
            pictures = [image.pil().convert("RGB") for image in images[start : start + AT_ONCE]]
            pixels = self._pixels(pictures, return_tensors="pt").pixel_values
            found.append(self._model.get_image_features(pixel_values=pixels).pooler_output)
        features = torch.nn.functional.normalize(torch.cat(found).double(), dim=-1)
        return np.asarray(features.numpy())
