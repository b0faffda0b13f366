"""ImageReward: BLIP's text encoder, which looks at the image, and a head (Xu et al. 2023)."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Final

import PIL.Image
import torch
from torch import Tensor

from molvm.errors import ModelError
from molvm.models.images.denoiser import frozen
from molvm.models.images.judges.weights import Layers, Weights, part_of, read_weights

MEAN, DEVIATION = 0.16717362830052426, 1.0333394966054072
"""Of the head's output over the authors' data; what is published is in units of the second."""

LONGEST_TEXT: Final = 35
"""Tokens."""

WIDTH_OF_HEADS: Final = 64
"""Of BLIP's attention, in images and texts."""

VISION: Final = (
    (r"^cls_token$", "embeddings.class_embedding"),
    (r"^pos_embed$", "embeddings.position_embedding"),
    (r"^patch_embed\.proj\.", "embeddings.patch_embedding."),
    (r"^norm\.", "post_layernorm."),
    (r"^blocks\.(\d+)\.norm(\d)\.", r"encoder.layers.\1.layer_norm\2."),
    (r"^blocks\.(\d+)\.attn\.qkv\.", r"encoder.layers.\1.self_attn.qkv."),
    (r"^blocks\.(\d+)\.attn\.proj\.", r"encoder.layers.\1.self_attn.projection."),
    (r"^blocks\.(\d+)\.mlp\.", r"encoder.layers.\1.mlp."),
)
"""Names of the published vision transformer, as transformers calls them."""


class ImageRewardJudge:
    """The published checkpoint, which holds all weights, and BERT's tokenizer.

    Args:
        checkpoint: `ImageReward.pt`.
        tokenizer: The folder of a tokenizer of BERT, uncased.

    Raises:
        ModelError: Something cannot be read, or does not fit together.
    """

    def __init__(self, checkpoint: Path, tokenizer: Path) -> None:
        from transformers import AutoTokenizer, BlipTextModel, BlipVisionModel, CLIPImageProcessor

        weights = read_weights(checkpoint)
        try:
            vision, text = vision_weights(weights), part_of(weights, "blip.text_encoder.")
            self._see: Any = BlipVisionModel(_vision_config(vision))
            self._see.load_state_dict(vision)
            self._read: Any = BlipTextModel(_text_config(text), add_pooling_layer=False)
            # Positions, which are counted and not learned, are in some checkpoints and not in others.
            self._read.load_state_dict({name: each for name, each in text.items() if "position_ids" not in name})
            self._tokens: Any = AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"ImageReward cannot be read from {checkpoint} and {tokenizer}: {error!r:.500}.", remedy="fresh copies"
            ) from error
        self._head = Layers(part_of(weights, "mlp."), str(checkpoint))
        size: Any = self._see.config.image_size
        self._pixels = CLIPImageProcessor(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
        for network in (self._see, self._read):
            frozen(network)

    @torch.no_grad()
    def score(self, image: PIL.Image.Image, text: str) -> float:
        """The reward, about 0 in the mean with a standard deviation of about 1."""
        pixels = self._pixels(image.convert("RGB"), return_tensors="pt").pixel_values
        seen: Tensor = self._see(pixel_values=pixels).last_hidden_state
        tokens = self._tokens(text, padding="max_length", truncation=True, max_length=LONGEST_TEXT, return_tensors="pt")
        read: Tensor = self._read(
            input_ids=tokens.input_ids,
            attention_mask=tokens.attention_mask,
            encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long),
        ).last_hidden_state
        return (float(self._head(read[:, 0])) - MEAN) / DEVIATION


def vision_weights(weights: Weights) -> dict[str, Tensor]:
    """Those of `BlipVisionModel`, from the checkpoint's."""
    renamed: dict[str, Tensor] = {}
    for name, value in part_of(weights, "blip.visual_encoder.").items():
        for old, new in VISION:
            if re.match(old, name):
                renamed[re.sub(old, new, name)] = value
    return renamed


def _vision_config(weights: Weights) -> Any:
    from transformers import BlipVisionConfig

    positions, patch = weights["embeddings.position_embedding"], weights["embeddings.patch_embedding.weight"]
    width, patch_size = positions.shape[-1], patch.shape[-1]
    return BlipVisionConfig(
        hidden_size=width,
        intermediate_size=weights["encoder.layers.0.mlp.fc1.weight"].shape[0],
        num_hidden_layers=_count(weights, r"encoder\.layers\.(\d+)\."),
        num_attention_heads=width // WIDTH_OF_HEADS,
        patch_size=patch_size,
        image_size=patch_size * math.isqrt(positions.shape[1] - 1),
        layer_norm_eps=1e-6,
    )


def _text_config(weights: Weights) -> Any:
    from transformers import BlipTextConfig

    words, width = weights["embeddings.word_embeddings.weight"].shape
    return BlipTextConfig(
        vocab_size=words,
        hidden_size=width,
        encoder_hidden_size=weights["encoder.layer.0.crossattention.self.key.weight"].shape[1],
        intermediate_size=weights["encoder.layer.0.intermediate.dense.weight"].shape[0],
        num_hidden_layers=_count(weights, r"encoder\.layer\.(\d+)\."),
        num_attention_heads=width // WIDTH_OF_HEADS,
        max_position_embeddings=weights["embeddings.position_embeddings.weight"].shape[0],
    )


def _count(weights: Weights, pattern: str) -> int:
    return 1 + max(int(match[1]) for name in weights if (match := re.match(pattern, name)))
