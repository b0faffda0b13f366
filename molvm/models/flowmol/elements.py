"""A network's weights for other elements: what it knows of those it had stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.models.flowmol.config import FlowMolConfig

NEW_LOGIT: Final = -4.0
"""Of an element the network did not know: rare, so that the first steps of training keep what was learned."""


def for_elements(
    weights: Mapping[str, Tensor], config: FlowMolConfig, elements: Sequence[str]
) -> tuple[dict[str, Tensor], FlowMolConfig]:
    """Weights and shape of the same network over other elements.

    Elements that both have keep their weights, whatever their places. New ones are read with weight zero and predicted
    with a constant logit; those that are gone take theirs along.

    Args:
        weights: A state dict of `FlowMolNetwork(config)`.
        config: Its shape.
        elements: Symbols of the new atom types, in class order.

    Raises:
        ConfigError: No element is common to both.
    """
    if not set(elements) & set(config.elements):
        raise ConfigError(
            f"The network knows none of the elements {', '.join(elements)}.", allowed=", ".join(config.elements)
        )
    places = [config.elements.index(each) if each in config.elements else None for each in elements]
    changed = dict(weights)
    for name, start, dim, fill in _entries(config):
        changed[name] = _rearranged(weights[name], start, config.n_types, places, dim, fill)
    return changed, replace(config, elements=tuple(elements))


def _entries(config: FlowMolConfig) -> list[tuple[str, int, int, float]]:
    """Tensors with a slice for each atom type: name, where the slices begin, along which dimension, and of new ones."""
    entries = [
        ("scalar_embedding.0.weight", 0, 1, 0.0),
        ("node_output_head.2.weight", 0, 0, 0.0),
        ("node_output_head.2.bias", 0, 0, NEW_LOGIT),
    ]
    if config.self_conditioning:
        entries.append(("self_conditioning_residual_layer.node_residual_mlp.0.weight", config.hidden_scalars, 1, 0.0))
    return entries


def _rearranged(tensor: Tensor, start: int, count: int, places: Sequence[int | None], dim: int, fill: float) -> Tensor:
    """The tensor with the slices from `start` on replaced by those of them that `places` names, or by a number."""
    before, old, after = torch.split(tensor, [start, count, tensor.shape[dim] - start - count], dim=dim)
    blank = torch.full_like(old.narrow(dim, 0, 1), fill)
    new = [blank if place is None else old.narrow(dim, place, 1) for place in places]
    return torch.cat([before, *new, after], dim=dim)
