"""The sizes of value networks, A to F."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import torch
from torch import nn

from molvm.errors import ConfigError, UnknownNameError
from molvm.models.base import FlowModel
from molvm.states import MoleculeState, State, TensorState
from molvm.values.base import Reads
from molvm.values.image_control import ImageControl
from molvm.values.images import ImageValue, ImageValueConfig
from molvm.values.molecule_control import MoleculeControlFeatures
from molvm.values.molecules import MoleculeValueConfig, MoleculeValueFeatures
from molvm.values.points import PointControl, PointValue, PointValueConfig

VALUE_SIZES: Final[tuple[str, ...]] = ("A", "B", "C", "D", "E", "F")

MOLECULE_SIZES: Final[Mapping[str, MoleculeValueConfig]] = {
    "A": MoleculeValueConfig(width=64, depth=3, edge_width=32),
    "B": MoleculeValueConfig(width=96, depth=4, edge_width=48),
    "C": MoleculeValueConfig(width=128, depth=5, edge_width=64),
    "D": MoleculeValueConfig(width=192, depth=5, edge_width=64),
    "E": MoleculeValueConfig(width=256, depth=6, edge_width=64),
    "F": MoleculeValueConfig(width=384, depth=8, edge_width=96),
}
"""0.11, 0.30, 0.63, 1.4, 2.8 and 8.1 million parameters (QM9); E is of the size of the paper's network (2.5 M)."""

POINT_WIDTHS: Final[Mapping[str, int]] = {"A": 64, "B": 96, "C": 128, "D": 192, "E": 256, "F": 384}

IMAGE_SIZES: Final[Mapping[str, ImageValueConfig]] = {
    "A": ImageValueConfig((32, 64, 128)),
    "B": ImageValueConfig((64, 128, 256)),
    "C": ImageValueConfig((112, 224, 448)),
    "D": ImageValueConfig((184, 368, 736)),
    "E": ImageValueConfig((304, 608, 1216)),
    "F": ImageValueConfig((456, 912, 1824)),
}
"""B is the paper's network; A, D and F have about as many parameters as its smallest, fourth and largest."""


VOLUMES: Final = 8
"""Signed volumes at each atom of a network for molecules that is to tell mirror images apart."""

IMAGE_CONTROL_WIDTHS: Final[Mapping[str, tuple[int, ...]]] = {
    "A": (16, 32, 64),
    "B": (24, 48, 96),
    "C": (48, 96, 192),
    "D": (96, 192, 384),
    "E": (128, 256, 512),
    "F": (192, 384, 768),
}
"""B is of the size of the bundled base of digits."""


def build_features(
    model: FlowModel,
    size: str,
    generator: torch.Generator | None = None,
    reads: Reads = "state",
    *,
    handed: bool = False,
) -> nn.Module:
    """A fresh network f(x, t) for the model's states.

    Args:
        model: The base model; a draw of its noise tells which family of networks fits.
        size: One of `VALUE_SIZES`.
        generator: Seeds the initial weights; torch's global stream is left alone.
        reads: Whether the network is given x_t, or the base model's x̂₁(x_t, t).
        handed: Whether it can tell molecules from their mirror images.

    Raises:
        UnknownNameError: There is no such size.
        ConfigError: No family of networks fits the model's states, or it cannot read that, or has no handed form.
    """
    sample, seed = _kind_and_seed(model, size, generator)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if isinstance(sample, MoleculeState):
            widths = (sample.types.shape[-1], sample.charges.shape[-1], sample.bonds.shape[-1])
            config = replace(MOLECULE_SIZES[size], volumes=VOLUMES if handed else 0)
            return MoleculeValueFeatures(*widths, model.schedules, config, reads)
        if handed:
            raise ConfigError(f"{model.name} does not make molecules, and value.handed is true.", allowed="false")
        if isinstance(sample, TensorState) and sample.x.ndim == 4:
            return ImageValue(
                sample.x.shape[1],
                IMAGE_SIZES[size],
                conditions=getattr(model, "conditions", None),
                descriptions=getattr(model, "descriptions", None),
                reads=reads,
            )
        if isinstance(sample, TensorState) and sample.x.ndim == 2:
            if reads == "endpoint":
                raise ConfigError("The value network for points reads states.", remedy="value.reads = state")
            return PointValue(sample.x.shape[1], PointValueConfig(width=POINT_WIDTHS[size]), seed=seed)
    raise ConfigError(
        f"There is no value network for the states of the model {model.name!r}.", allowed="molecules, images, points"
    )


def build_regression_features(model: FlowModel, size: str, generator: torch.Generator | None = None) -> nn.Module:
    """A fresh network f(x, 1) of samples, one number each; arguments and errors as for `build_features`.

    That of molecules takes their class vectors for probabilities, which they nearly are at t = 1.
    """
    sample, _ = _kind_and_seed(model, size, None)
    return build_features(model, size, generator, "endpoint" if isinstance(sample, MoleculeState) else "state")


def build_control_features(model: FlowModel, size: str, generator: torch.Generator | None = None) -> nn.Module:
    """A fresh network f(x, t) from states to states, for a residual control; arguments as for `build_features`.

    Raises:
        UnknownNameError: There is no such size.
        ConfigError: No family of networks fits the model's states.
    """
    sample, seed = _kind_and_seed(model, size, generator)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if isinstance(sample, MoleculeState):
            widths = (sample.types.shape[-1], sample.charges.shape[-1], sample.bonds.shape[-1])
            return MoleculeControlFeatures(*widths, model.schedules, MOLECULE_SIZES[size])
        if isinstance(sample, TensorState) and sample.x.ndim == 2:
            return PointControl(sample.x.shape[1], PointValueConfig(width=POINT_WIDTHS[size]), seed=seed)
        if isinstance(sample, TensorState) and sample.x.ndim == 4:
            channels, height, width = sample.x.shape[1:]
            conditions = getattr(model, "conditions", None)
            return ImageControl(channels, (height, width), IMAGE_CONTROL_WIDTHS[size], conditions)
    raise ConfigError(
        f"There is no residual control for the states of the model {model.name!r}.",
        allowed="molecules, points, images",
    )


def _kind_and_seed(model: FlowModel, size: str, generator: torch.Generator | None) -> tuple[State, int]:
    """A draw of the model's noise, which tells which family of networks fits, and a seed for its weights."""
    if size not in VALUE_SIZES:
        raise UnknownNameError("value network size", size, VALUE_SIZES)
    generator = generator or torch.Generator().manual_seed(0)
    sample = model.noise(model.sample_condition(1, generator), 1, generator)
    return sample, int(torch.randint(2**31, (), generator=generator))
