"""Pipelines of diffusers with few and random weights, and tokenizers of a few words, all made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMPipeline,
    DiTPipeline,
    DiTTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    UNet2DModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

diffusers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()


def scheduler(prediction: str = "epsilon", **settings: Any) -> DDIMScheduler:
    return DDIMScheduler(
        clip_sample=False, timestep_spacing="trailing", prediction_type=prediction, steps_offset=1, **settings
    )


def latent_scheduler(prediction: str = "epsilon") -> DDIMScheduler:
    return scheduler(prediction, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


def pixels(prediction: str = "epsilon", classes: int | None = None) -> DDPMPipeline:
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(4, 8),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        num_class_embeds=classes,
    )
    return DDPMPipeline(unet, scheduler(prediction))


def autoencoder(**settings: Any) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=2,
        **settings,
    )


LABELS = {str(number): f"thing {number}" for number in range(1000)} | {"1": "goldfish, Carassius auratus"}


def dit() -> DiTPipeline:
    torch.manual_seed(0)
    transformer = DiTTransformer2DModel(
        sample_size=8,
        num_layers=2,
        patch_size=4,
        attention_head_dim=8,
        num_attention_heads=2,
        in_channels=4,
        out_channels=8,
        attention_bias=True,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        norm_type="ada_norm_zero",
        norm_elementwise_affine=False,
    )
    return DiTPipeline(transformer, autoencoder(), scheduler(), id2label=LABELS)


def save_dit(pipeline: DiTPipeline, folder: Path) -> None:
    """With its labels in the index, where the published one has them; diffusers does not write them."""
    pipeline.save_pretrained(folder)
    index = folder / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "id2label": LABELS}))


def stable_diffusion(folder: Path, prediction: str = "epsilon") -> StableDiffusionPipeline:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(4, 8),
        layers_per_block=1,
        sample_size=8,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8,
        norm_num_groups=2,
    )
    text = CLIPTextModel(text_config(hidden_size=8, heads=2))
    return StableDiffusionPipeline(
        autoencoder(),
        text,
        tokenizer(folder),
        unet,
        latent_scheduler(prediction),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_3(folder: Path) -> StableDiffusion3Pipeline:
    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(
        sample_size=8,
        patch_size=1,
        in_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=32,
        pooled_projection_dim=64,
        out_channels=4,
    )
    texts = [CLIPTextModelWithProjection(text_config(hidden_size=32, heads=4)) for _ in range(2)]
    return StableDiffusion3Pipeline(
        transformer,
        FlowMatchEulerDiscreteScheduler(shift=3.0),
        autoencoder(shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False),
        texts[0],
        tokenizer(folder),
        texts[1],
        tokenizer(folder),
        None,
        None,
    )


def text_config(hidden_size: int, heads: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=hidden_size,
        intermediate_size=16,
        num_attention_heads=heads,
        num_hidden_layers=2,
        vocab_size=1000,
        projection_dim=32,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )


def tokenizer(folder: Path) -> CLIPTokenizer:
    """Letters are its tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)
