"""Judges with few and random weights, in the layouts in which the published ones come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import torch
from torch import nn
from transformers import (
    BertTokenizer,
    BlipTextConfig,
    BlipTextModel,
    BlipVisionConfig,
    BlipVisionModel,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
)

from tests.models.images.tiny_pipelines import tokenizer

SIZE = 8


def picture(seed: int = 0) -> PIL.Image.Image:
    return PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))


def clip(folder: Path) -> CLIPModel:
    """As CLIP and PickScore are published."""
    torch.manual_seed(0)
    side = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2, "num_hidden_layers": 2}
    text = {**side, "vocab_size": 60, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    vision = {**side, "image_size": SIZE, "patch_size": 4}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)).eval()
    model.save_pretrained(folder)
    tokenizer(folder).save_pretrained(folder)
    square = {"height": SIZE, "width": SIZE}
    CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size=square).save_pretrained(folder)
    return model


def open_clip_weights(model: CLIPModel) -> dict[str, torch.Tensor]:
    """The same weights as open_clip names them."""
    weights = {
        "logit_scale": model.logit_scale,
        "visual.class_embedding": model.vision_model.embeddings.class_embedding,
    }
    weights |= {"visual.proj": model.visual_projection.weight.T, "text_projection": model.text_projection.weight.T}
    sides = (("visual.", model.vision_model), ("", model.text_model))
    for prefix, tower in sides:
        weights[f"{prefix}positional_embedding"] = tower.embeddings.position_embedding.weight
        for number, layer in enumerate(tower.encoder.layers):
            block = f"{prefix}transformer.resblocks.{number}."
            parts = [layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj]
            for kind in ("weight", "bias"):
                weights[f"{block}attn.in_proj_{kind}"] = torch.cat([getattr(part, kind) for part in parts])
                for name, part in (
                    ("ln_1", layer.layer_norm1),
                    ("ln_2", layer.layer_norm2),
                    ("attn.out_proj", layer.self_attn.out_proj),
                    ("mlp.c_fc", layer.mlp.fc1),
                    ("mlp.c_proj", layer.mlp.fc2),
                ):
                    weights[f"{block}{name}.{kind}"] = getattr(part, kind)
    for name, part in (
        ("visual.ln_pre", model.vision_model.pre_layrnorm),
        ("visual.ln_post", model.vision_model.post_layernorm),
        ("ln_final", model.text_model.final_layer_norm),
    ):
        weights |= {f"{name}.weight": part.weight, f"{name}.bias": part.bias}
    weights["visual.conv1.weight"] = model.vision_model.embeddings.patch_embedding.weight
    weights["token_embedding.weight"] = model.text_model.embeddings.token_embedding.weight
    return {name: value.detach().clone() for name, value in weights.items()}


def mlp(width: int, seed: int = 1) -> nn.Sequential:
    """The head of the aesthetic score and of ImageReward, dropout included."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(width, 12), nn.Dropout(0.2), nn.Linear(12, 6), nn.Dropout(0.2), nn.Linear(6, 4), nn.Linear(4, 1)
    ).eval()


def image_reward(folder: Path) -> tuple[BlipVisionModel, BlipTextModel, nn.Sequential]:
    """`ImageReward.pt` and a folder `bert`, and the networks that they hold."""
    torch.manual_seed(2)
    side = {"hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 1}
    vision = BlipVisionModel(BlipVisionConfig(**side, image_size=SIZE, patch_size=4, layer_norm_eps=1e-6)).eval()
    config = BlipTextConfig(**side, vocab_size=40, encoder_hidden_size=64, max_position_embeddings=48)
    text = BlipTextModel(config, add_pooling_layer=False).eval()
    head = mlp(64)
    for network in (vision, text, head):
        for weight in network.parameters():
            nn.init.normal_(weight, std=0.6)
    weights = {f"blip.text_encoder.{name}": value for name, value in text.state_dict().items()}
    weights |= {f"mlp.layers.{name}": value for name, value in head.state_dict().items()}
    for name, value in vision.state_dict().items():
        weights[f"blip.visual_encoder.{published_name(name)}"] = value
    torch.save(weights, folder / "ImageReward.pt")
    (folder / "bert").mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "the", "dog"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    return vision, text, head


def published_name(name: str) -> str:
    """A weight of BLIP's vision transformer by the name that its authors gave it."""
    for ours, theirs in (
        ("embeddings.class_embedding", "cls_token"),
        ("embeddings.position_embedding", "pos_embed"),
        ("embeddings.patch_embedding", "patch_embed.proj"),
        ("post_layernorm", "norm"),
        ("encoder.layers", "blocks"),
        ("layer_norm", "norm"),
        ("self_attn.projection", "attn.proj"),
        ("self_attn", "attn"),
    ):
        name = name.replace(ours, theirs)
    return name
