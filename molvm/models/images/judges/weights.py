"""Weights of judges as they are published: tensors and plain values alone are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from molvm.errors import ModelError

Weights = Mapping[str, Tensor]


def read_weights(path: Path) -> dict[str, Tensor]:
    """Name to tensor, float32, from safetensors or from a file of `torch.save`.

    Raises:
        ModelError: It cannot be read, or has something else.
    """
    try:
        found = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except Exception as error:
        raise ModelError(
            f"The weights {path} cannot be read: {error!r:.300}.",
            allowed="safetensors, or a file of torch.save",
            remedy="a fresh copy",
        ) from error
    found = found.get("state_dict", found) if isinstance(found, dict) else {}
    tensors = {name.removeprefix("module."): each for name, each in found.items() if isinstance(each, Tensor)}
    if not tensors:
        raise ModelError(f"The file {path} has no weights.", remedy="the file that the reward's message names")
    return {name: each.float() if each.is_floating_point() else each for name, each in tensors.items()}


class Layers:
    """Linear layers one after the other, without anything in between; dropout is for training alone.

    Args:
        weights: `weight` and `bias` of one, or `layers.0.weight`, `layers.0.bias`, `layers.2.weight`, … of several.
        where: For messages.

    Raises:
        ModelError: There are none.
    """

    def __init__(self, weights: Weights, where: str) -> None:
        places = {int(match[1]) for name in weights if (match := re.fullmatch(r"layers\.(\d+)\.weight", name))}
        stems = [f"layers.{place}." for place in sorted(places)] or [""]
        if any(f"{stem}{part}" not in weights for stem in stems for part in ("weight", "bias")):
            raise ModelError(
                f"The file {where} has no linear layers.", remedy="the file that the reward's message names"
            )
        self._layers = [(weights[f"{stem}weight"], weights[f"{stem}bias"]) for stem in stems]

    def __call__(self, features: Tensor) -> Tensor:
        """Features (B, n) to (B,)."""
        for weight, bias in self._layers:
            features = functional.linear(features, weight, bias)
        return features.squeeze(-1)


def part_of(weights: Weights, prefix: str) -> dict[str, Tensor]:
    """What begins with a prefix, without it."""
    return {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}
