"""What CLIP, and what was trained from it, say of an image and a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import PIL.Image
import torch
from torch import Tensor
from torch.nn import functional

from molvm.errors import ModelError
from molvm.models.images.denoiser import frozen
from molvm.models.images.judges.open_clip import as_transformers
from molvm.models.images.judges.weights import Layers, part_of, read_weights


class ClipJudge:
    """CLIP in the layout of transformers: settings, weights and tokenizer in one folder.

    Args:
        folder: The folder.
        checkpoint: Weights to take instead, by the names of open_clip (HPSv2).
        head: Linear layers of the normalised embedding of the image (aesthetic scores); then no text is read.

    Raises:
        ModelError: Something cannot be read, or does not fit together.
    """

    def __init__(self, folder: Path, checkpoint: Path | None = None, head: Path | None = None) -> None:
        from transformers import AutoTokenizer, CLIPConfig, CLIPImageProcessor, CLIPModel

        try:
            if checkpoint is None:
                self._model: Any = CLIPModel.from_pretrained(folder, local_files_only=True)
            else:
                self._model = CLIPModel(CLIPConfig.from_pretrained(folder, local_files_only=True))
                self._model.load_state_dict(as_transformers(read_weights(checkpoint)))
            frozen(self._model.float())
            self._pixels = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
            self._tokens = None if head is not None else AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"CLIP cannot be read from {folder}: {error!r:.500}.", remedy="a fresh copy") from error
        self._head = None if head is None else Layers(_head_weights(head), str(head))

    def cosine(self, image: PIL.Image.Image, text: str) -> float:
        """Of the angle between the embeddings of the image and the text."""
        return float((self._image(image) * self.embedding_of_text(text)).sum())

    def scaled_cosine(self, image: PIL.Image.Image, text: str) -> float:
        """The cosine times the model's own scale, as PickScore is given."""
        return float(self.scale) * self.cosine(image, text)

    def clip_score(self, image: PIL.Image.Image, text: str) -> float:
        """100 max(cosine, 0) (Hessel et al. 2021, with the scale that is usual)."""
        return 100 * max(self.cosine(image, text), 0.0)

    def head_of_image(self, image: PIL.Image.Image, _: str) -> float:
        """What the head says of the image."""
        return float(self.head(self._image(image)))

    @property
    def processor(self) -> Any:
        """What prepares images."""
        return self._pixels

    @property
    def scale(self) -> Tensor:
        """What PickScore multiplies the cosine by."""
        scale: Tensor = self._model.logit_scale.detach().exp()
        return scale

    def head(self, embedding: Tensor) -> Tensor:
        """What the head says of embeddings of images, (B,)."""
        assert self._head is not None  # noqa: S101 - for the type checker
        return self._head(embedding)

    def embedding_of_pixels(self, pixels: Tensor) -> Tensor:
        """Embeddings of length 1, with their graph, of prepared pixels (B, 3, height, width)."""
        return _normalised(self._model.get_image_features(pixel_values=pixels.to(self._model.dtype)))

    @torch.no_grad()
    def _image(self, image: PIL.Image.Image) -> Tensor:
        return self.embedding_of_pixels(self._pixels(image.convert("RGB"), return_tensors="pt").pixel_values)

    @torch.no_grad()
    def embedding_of_text(self, text: str) -> Tensor:
        """Its embedding of length 1, (1, d)."""
        assert self._tokens is not None  # noqa: S101 - for the type checker
        length = self._model.config.text_config.max_position_embeddings
        tokens = self._tokens(text, truncation=True, max_length=length, return_tensors="pt")
        return _normalised(
            self._model.get_text_features(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
        )


def _normalised(found: Any) -> Tensor:
    features: Tensor = found.pooler_output
    return functional.normalize(features, dim=-1)


def _head_weights(path: Path) -> dict[str, Tensor]:
    """Those of the layers, whatever the module that held them was called."""
    weights = read_weights(path)
    return part_of(weights, "model.") or weights
