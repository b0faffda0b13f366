"""Whether the settings and the weights of somebody else's checkpoint can be a network, before one is built."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

import torch
from rdkit import Chem
from torch import Tensor

from molvm.errors import ModelError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.published.settings import KINDS

Config = TypeVar("Config", bound=FlowMolConfig)

MAX_RECYCLES: Final = 100
"""No weights say how often the stack is applied, so that a number has to; the published models apply it once."""

MAX_WIDTH: Final = 2**20
"""Far beyond every published width, and far below what torch cannot count."""

NAMED: Final = 3
"""How many tensors that do not fit a message names."""

HEAVIEST: Final = 118


def require_sound(
    path: Path, build: Callable[[Config], FlowMolNetwork], config: Config, weights: Mapping[str, Tensor]
) -> None:
    """Refuse settings that are out of bounds, and weights that do not fit them or are not numbers.

    No memory is taken and no time spent by what the settings ask for: counts are held against how many tensors there
    are, and shapes are compared on torch's meta device.

    Args:
        path: The checkpoint, for messages.
        build: The network that the settings are of.
        config: The settings.
        weights: Tensors by our names.

    Raises:
        ModelError: With the first thing that is wrong.
    """
    wrong = next(out_of_bounds(config, len(weights)), None)
    if wrong is not None:
        raise ModelError(f"The settings in {path} are not sound: {wrong}.", allowed=KINDS)
    unlike = [*misfits(shapes(build, config), weights)]
    if unlike:
        more = f"; and {len(unlike) - NAMED} more" if len(unlike) > NAMED else ""
        raise ModelError(
            f"The weights in {path} do not fit the settings beside them: {'; '.join(unlike[:NAMED])}{more}.",
            allowed=KINDS,
        )
    spoilt = next((name for name, value in weights.items() if not bool(torch.isfinite(value).all())), None)
    if spoilt is not None:
        raise ModelError(
            f"The weights in {path} are not all finite: {spoilt} holds NaN or infinite numbers.",
            allowed="finite weights",
            remedy="another checkpoint of the same training",
        )


def out_of_bounds(config: FlowMolConfig, n_tensors: int) -> Iterator[str]:
    """What is wrong with the settings, whatever the weights are; each module has at least one tensor."""
    table = Chem.GetPeriodicTable()
    symbols = {table.GetElementSymbol(number) for number in range(1, HEAVIEST + 1)}
    yield from (f"{each!r} is no element" for each in config.elements if each not in symbols)
    if len(set(config.elements)) != len(config.elements):
        yield f"an element comes twice among {', '.join(config.elements)}"
    modules = config.convolutions * (config.message_gvps + config.update_gvps)
    if min(config.molecule_updates, config.convs_per_update, config.message_gvps, config.update_gvps) < 1:
        yield "a number of layers is below 1"
    elif modules > n_tensors:
        yield f"they ask for {modules} perceptrons, and there are {n_tensors} tensors"
    if not 1 <= config.recycles <= MAX_RECYCLES:
        yield f"the stack is applied {config.recycles} times, not 1 to {MAX_RECYCLES}"
    if config.time_features != 1 and (config.time_features % 2 or config.time_features < 4):
        yield f"the time has {config.time_features} features, neither 1 nor an even number from 4"
    yield from _widths_out_of_bounds(config)
    numbers = {"rbf_dmax": config.rbf_dmax, "message_norm": config.message_norm}
    exponents = dict(zip(("ν of x", "ν of a", "ν of c", "ν of e"), config.schedule_exponents or (), strict=False))
    for name, value in {**numbers, **exponents}.items():
        if value != "mean" and not (math.isfinite(value) and value > 0):
            yield f"{name} is {value}, not a positive number"


def _widths_out_of_bounds(config: FlowMolConfig) -> Iterator[str]:
    least = dict.fromkeys(("hidden_scalars", "hidden_edges", "vector_channels", "rbf_dim", "n_charges", "n_bonds"), 1)
    for name, low in {**least, "cross_products": 0}.items():
        if not low <= (width := getattr(config, name)) <= MAX_WIDTH:
            yield f"{name} is {width}, not {low} to {MAX_WIDTH}"


def shapes(build: Callable[[Config], FlowMolNetwork], config: Config) -> dict[str, tuple[int, ...]]:
    """Of the tensors of a network that is not built.

    Raises:
        ValueError: No network has such sizes.
    """
    try:
        with torch.device("meta"):
            return {name: tuple(value.shape) for name, value in build(config).state_dict().items()}
    except RuntimeError as error:
        raise ValueError("no network has such sizes") from error


def misfits(expected: Mapping[str, tuple[int, ...]], weights: Mapping[str, Tensor]) -> Iterator[str]:
    """Each tensor that is not as the network has it."""
    for name, shape in expected.items():
        if name not in weights:
            yield f"{name} is missing"
        elif tuple(weights[name].shape) != shape:
            yield f"{name} has the shape {tuple(weights[name].shape)}, not {shape}"
        elif not weights[name].is_floating_point():
            yield f"{name} is of the type {weights[name].dtype}"
    yield from (f"{name} has no place" for name in weights if name not in expected)
