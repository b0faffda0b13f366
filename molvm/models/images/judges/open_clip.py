"""CLIP's weights as open_clip names them, as transformers names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

WHOLE: Final[Mapping[str, str]] = {
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "logit_scale": "logit_scale",
}

TRANSPOSED: Final[Mapping[str, str]] = {
    "visual.proj": "visual_projection.weight",
    "text_projection": "text_projection.weight",
}

STEMS: Final[Mapping[str, str]] = {
    "visual.ln_pre": "vision_model.pre_layrnorm",
    "visual.ln_post": "vision_model.post_layernorm",
    "ln_final": "text_model.final_layer_norm",
}

IN_BLOCKS: Final[Mapping[str, str]] = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}

_BLOCK: Final = re.compile(r"(visual\.)?transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)")


def as_transformers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of open_clip's CLIP by the names of `CLIPModel`; what it does not have is left out."""
    renamed: dict[str, Tensor] = {}
    for name, value in weights.items():
        stem, _, kind = name.rpartition(".")
        if name in WHOLE:
            renamed[WHOLE[name]] = value
        elif name in TRANSPOSED:
            renamed[TRANSPOSED[name]] = value.T.contiguous()
        elif stem in STEMS:
            renamed[f"{STEMS[stem]}.{kind}"] = value
        elif match := _BLOCK.fullmatch(name):
            side = "vision_model" if match[1] else "text_model"
            renamed |= _block(f"{side}.encoder.layers.{match[2]}", match[3], match[4], value)
    return renamed


def _block(layer: str, part: str, kind: str, value: Tensor) -> dict[str, Tensor]:
    if part == "attn.in_proj":
        thirds = torch.chunk(value, 3)
        return {f"{layer}.self_attn.{which}_proj.{kind}": each for which, each in zip("qkv", thirds, strict=True)}
    return {f"{layer}.{IN_BLOCKS[part]}.{kind}": value} if part in IN_BLOCKS else {}
