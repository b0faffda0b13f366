"""The options of `molvm sample --method`, and what they mean together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvm.cli.completion import methods, rewards

if TYPE_CHECKING:
    from molvm.models.base import BaseModel
    from molvm.runs.inference import Inference
    from molvm.runs.run import Run

Method = Annotated[
    str | None,
    typer.Option(help="Steer a base model without training: svdd, feynman-kac or best-of.", autocompletion=methods),
]
MethodReward = Annotated[
    str | None, typer.Option(help="What --method asks: a reward, or path.py:function.", autocompletion=rewards)
]
MethodStrength = Annotated[float | None, typer.Option(help="λ of --method.")]
MethodFloor = Annotated[
    float | None, typer.Option(help="What a failure is worth to --method.", show_default="the reward's")
]
SvddPick = Annotated[
    str | None, typer.Option(help="How svdd chooses: softmax, or argmax as published.", show_default="softmax")
]
SvddValue = Annotated[
    Path | None, typer.Option(help="A run by whose value function svdd chooses.", show_default="posterior mean")
]
FeynmanKacPotential = Annotated[
    str | None, typer.Option(help="Of feynman-kac: difference, max, sum or reward.", show_default="difference")
]
FeynmanKacLooks = Annotated[int | None, typer.Option(help="How often feynman-kac asks.", show_default="7")]


def steering_method(
    found: Run | BaseModel,
    method: str | None,
    options: Mapping[str, Any],
    asks: Mapping[str, Any],
    *,
    exact: bool,
    workers: str | None,
) -> Inference | None:
    """What steers a base model without training, if that is asked for.

    Args:
        found: What is sampled.
        method: --method.
        options: Those of the methods themselves, `particles` among them; None where they are not given.
        asks: What a method asks, and how: reward, strength, value, floor.
        exact: --exact, which knows the particles too.
        workers: --workers.

    Raises:
        ConfigError: Options of a method without one, a method without a reward, or of a run.
    """
    from molvm.errors import ConfigError
    from molvm.runs.inference import method_options
    from molvm.runs.run import Run
    from molvm.runs.steering import require_no_method, steering_by

    if method is None:
        given = [key for key, value in {**options, **asks}.items() if value is not None]
        alone = [key for key in given if not (exact and key == "particles")]
        if alone == ["particles"]:
            raise ConfigError("--particles says how --exact or --method draws.", remedy="one of them with it")
        if alone:
            raise ConfigError(f"--{alone[-1]} says how --method steers a base model.", remedy="--method with it")
        return None
    if isinstance(found, Run):
        return require_no_method(found)
    if exact:
        raise ConfigError("--exact corrects a run's control, and --method steers a base model.", allowed="one of them")
    if asks["reward"] is None:
        raise ConfigError(f"The method {method} asks a reward.", remedy="--reward NAME")
    return steering_by(found, method_options(method, options), **asks, workers=workers)
