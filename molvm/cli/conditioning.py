"""Options that say what a base model of images is to show, and where it computes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

if TYPE_CHECKING:
    from molvm.runs.config import ModelSection

Prompts = Annotated[
    Path | None, typer.Option(help="File with a prompt on each line, for base models that draw what a text says.")
]
Classes = Annotated[
    str | None,
    typer.Option(
        help="Classes of images by name or number: 207,otter, or a file with one on each line.", show_default="all"
    ),
]
GuidanceScale = Annotated[
    float | None,
    typer.Option(help="Of classifier-free guidance, in training and sampling; 1 is none.", show_default="1"),
]
Device = Annotated[
    str | None,
    typer.Option(
        help="Where the networks of a published model of images compute: cpu, cuda, cuda:1, mps.",
        show_default="cpu; a run's own",
    ),
]
Offload = Annotated[
    bool | None,
    typer.Option(
        "--offload/--no-offload",
        help="Keep only the network in use on that device.",
        show_default="no; a run's own",
    ),
]


class Placed(TypedDict):
    """Where base models compute, if not where their runs say."""

    device: str | None
    offload: bool | None


def placed(device: str | None, *, offload: bool | None, draws: bool, option: str) -> Placed:
    """What these options ask of commands that draw only if another option is given.

    Args:
        device: As given, and
        offload: as given.
        draws: Whether anything is drawn.
        option: What would let something be drawn.

    Raises:
        ConfigError: Nothing is drawn.
    """
    from molvm.errors import ConfigError

    if not draws and (device is not None or offload is not None):
        given = "--device" if device is not None else "--offload"
        raise ConfigError(f"{given} is for samples, and none are drawn.", remedy=f"{option}, or leaving it out")
    return {"device": device, "offload": offload}


def model_section(**given: object) -> ModelSection:
    """What is asked of a base model by these options, by the names of its settings.

    Raises:
        ConfigError: One is out of range, or a file cannot be read.
    """
    from molvm.runs.config import RunConfig
    from molvm.runs.settings_layer import settings_layer

    return RunConfig.from_mapping(settings_layer(**given), "the command line").model  # type: ignore[arg-type]
