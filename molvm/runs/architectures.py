"""What the networks of published models of images look like, known by name or read from a folder; without weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from molvm.errors import ModelError, UnknownNameError
from molvm.models.images.pipelines import FAMILIES, PIXELS, is_pipeline, pipeline_class

TEXTS: Final = {
    "UNet2DConditionModel": (77, "cross_attention_dim"),
    "SD3Transformer2DModel": (333, "joint_attention_dim"),
}
"""Tokens of a prompt that a network reads, CLIP's and for SD3 256 of T5 besides, and the setting of their width."""

NOT_OF_SHAPE: Final = ("architectures", "dtype", "torch_dtype", "transformers_version", "model_type")

LATENT_UNET: Final = {"sample_size": 64, "cross_attention_dim": 768}
KL: Final = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}


def _clip(width: int, layers: int, heads: int) -> dict[str, int]:
    """An encoder of texts of CLIP."""
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
    }


CLIP_L: Final = _clip(768, 12, 12)
CLIP_H: Final = _clip(1024, 23, 16)
CLIP_G: Final = _clip(1280, 32, 20)
T5_XXL: Final = {
    "d_model": 4096,
    "d_kv": 64,
    "d_ff": 10240,
    "num_layers": 24,
    "num_heads": 64,
    "feed_forward_proj": "gated-gelu",
}


@dataclass(frozen=True)
class Architecture:
    """A published model as diffusers builds it.

    Attributes:
        network: Class and settings of what is steered.
        latent: Channels of x, and its height and width.
        texts: Tokens of a prompt and their width; (0, 0) without.
        pooled: Width of the embedding of the whole prompt, if it is given.
        decoder: Settings of the autoencoder; None for pixels.
        encoders: Of texts: class and settings of transformers, each.
    """

    network: tuple[str, Mapping[str, Any]]
    latent: tuple[int, int]
    texts: tuple[int, int] = (0, 0)
    pooled: int = 0
    decoder: Mapping[str, Any] | None = None
    encoders: tuple[tuple[str, Mapping[str, Any]], ...] = ()


ARCHITECTURES: Final[Mapping[str, Architecture]] = {
    "dit": Architecture(
        (
            "DiTTransformer2DModel",
            {"sample_size": 32, "num_layers": 28, "in_channels": 4, "out_channels": 8},
        ),
        (4, 32),
        decoder={**KL, "latent_channels": 4},
    ),
    "sd15": Architecture(
        ("UNet2DConditionModel", LATENT_UNET),
        (4, 64),
        (77, 768),
        decoder={**KL, "latent_channels": 4},
        encoders=(("CLIPTextModel", CLIP_L),),
    ),
    "sd2": Architecture(
        (
            "UNet2DConditionModel",
            {
                **LATENT_UNET,
                "cross_attention_dim": 1024,
                "attention_head_dim": (5, 10, 20, 20),
                "use_linear_projection": True,
            },
        ),
        (4, 64),
        (77, 1024),
        decoder={**KL, "latent_channels": 4},
        encoders=(("CLIPTextModel", CLIP_H),),
    ),
    "sd3": Architecture(
        (
            "SD3Transformer2DModel",
            {
                "sample_size": 128,
                "num_layers": 24,
                "num_attention_heads": 24,
                "caption_projection_dim": 1536,
                "pos_embed_max_size": 192,
            },
        ),
        (16, 128),
        (333, 4096),
        2048,
        {**KL, "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False},
        (
            ("CLIPTextModelWithProjection", {**CLIP_L, "projection_dim": 768}),
            ("CLIPTextModelWithProjection", {**CLIP_G, "projection_dim": 1280}),
            ("T5EncoderModel", T5_XXL),
        ),
    ),
    "cifar": Architecture(
        (
            "UNet2DModel",
            {
                "sample_size": 32,
                "block_out_channels": (128, 256, 256, 256),
                "layers_per_block": 2,
                "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
                "up_block_types": ("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
                "attention_head_dim": None,
            },
        ),
        (3, 32),
    ),
}
"""DiT-XL/2 at 256, Stable Diffusion 1.5 and 2 at 512, 3 medium at 1024, DDPM of CIFAR-10."""


def architecture_of(name: str) -> Architecture:
    """The architecture of a published model, or of the pipeline in a folder.

    Args:
        name: One of `ARCHITECTURES`, in capitals or not, or a folder.

    Raises:
        UnknownNameError: Neither.
        ModelError: The folder's settings cannot be read, or its class is not known here.
    """
    if name.lower() in ARCHITECTURES:
        return ARCHITECTURES[name.lower()]
    path = Path(name).expanduser()
    if not is_pipeline(path):
        raise UnknownNameError("published model of images or folder of a pipeline", name, ARCHITECTURES)
    try:
        return _in_folder(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The settings of the pipeline {path} cannot be read: {error!r:.200}.",
            remedy="a fresh copy of the whole folder",
        ) from error


def _in_folder(path: Path) -> Architecture:
    kind = pipeline_class(path)
    family = FAMILIES.get(str(kind))
    if family is None and kind != PIXELS:
        raise ModelError(f"The pipeline {path} is a {kind}.", allowed=", ".join(FAMILIES))
    folder = path if family is None else path / family.network
    network, parts = _settings(folder), [path / f"text_encoder{suffix}" for suffix in ("", "_2", "_3")]
    tokens, width = TEXTS.get(network["_class_name"], (0, ""))
    return Architecture(
        network=(network["_class_name"], _plain(network)),
        latent=(network["in_channels"], network["sample_size"]),
        texts=(tokens, network[width]) if tokens else (0, 0),
        pooled=network.get("pooled_projection_dim") or 0,
        decoder=_plain(_settings(path / "vae")) if (path / "vae").is_dir() else None,
        encoders=tuple((each["architectures"][0], _plain(each)) for each in map(_settings, filter(Path.is_dir, parts))),
    )


def _settings(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says where the settings are from."""
    return {key: value for key, value in settings.items() if not key.startswith("_") and key not in NOT_OF_SHAPE}
