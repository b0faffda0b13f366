"""`molvm models`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

models_app = typer.Typer(help="List base models, show and check them, convert published ones.", no_args_is_help=True)


@models_app.command("list")
def list_models() -> None:
    """The base models that can be named: bundled ones, and published ones that were converted here."""
    from molvm.errors import MolVMError
    from molvm.models.hub import load_model, model_names

    for name in model_names():
        try:
            load_model(name)
            typer.echo(name)
        except MolVMError:
            typer.echo(f"{name}  (cannot be used: `molvm models verify {name}` says why)")


@models_app.command("info")
def info(model: Annotated[str, typer.Argument(help="A model's name, or a directory.")]) -> None:
    """The card of a model: data, shape, training, metrics; of a published one that is not here yet, how to get it."""
    import json

    from molvm.models.hub import load_model, missing_published

    if (advice := missing_published(model)) is not None:
        typer.echo(f"{model} has not been converted on this machine. To get it, {advice}.")
        return
    typer.echo(json.dumps(load_model(model).card, indent=2, ensure_ascii=False))


@models_app.command("verify")
def verify(model: Annotated[str, typer.Argument(help="A model's name, or a directory.")]) -> None:
    """Check that a model's weights are those of its card and fit its network."""
    from molvm.models.hub import load_model

    loaded = load_model(model)
    typer.echo(f"{loaded.name} is whole: SHA-256 {loaded.card['sha256']}")


@models_app.command("convert")
def convert(
    folder: Annotated[Path, typer.Argument(help="FlowMol's published folder of a model, or its checkpoint.")],
    name: Annotated[str | None, typer.Option(help="What to call it; the model's folder's name by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new directory for it, instead of molvm's own.")] = None,
) -> None:
    """Convert a published FlowMol checkpoint; nothing in it is executed."""
    from molvm.durable import refuse_existing
    from molvm.models.flowmol.published.convert import convert as converted
    from molvm.models.flowmol.published.naming import default_name, require_name
    from molvm.models.hub import PREFIX, converted_home, save_model

    called = default_name(folder) if name is None else require_name(name)
    target = out or converted_home() / require_name(called)
    refuse_existing(target)
    save_model(converted(folder, called), target)
    typer.echo(
        f"The model is {target if out else PREFIX + called}: molvm sample {out or PREFIX + called} --out base.sdf"
    )


@models_app.command("calibrate")
def calibrate(
    model: Annotated[str, typer.Argument(help="A model's name, or a directory.")],
    count: Annotated[int, typer.Option("-n", "--count", help="Molecules to draw and to measure on.")] = 256,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
) -> None:
    """Measure how uncertain a model's predictions are: sampling.transition = "analytic_variance" needs it."""
    from molvm.cli.console import counting_bar
    from molvm.runs.calibration import calibrate as calibrated

    with counting_bar("calibrating") as progress:
        card = calibrated(model, count, seed, progress)
    typer.echo(f"The spread is in {card}: molvm train --model {model} --set sampling.transition=analytic_variance ...")
