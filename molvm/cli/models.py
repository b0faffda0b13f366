"""`molvm models`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import models

models_app = typer.Typer(help="List base models, show and check them, convert published ones.", no_args_is_help=True)


@models_app.command("list")
def list_models(as_json: Json = False) -> None:
    """The base models that can be named: bundled ones, and published ones that were converted here."""
    from molvm.errors import MolVMError
    from molvm.models.hub import load_model, model_names

    found: dict[str, str | None] = {}
    for name in model_names():
        try:
            load_model(name)
            found[name] = None
        except MolVMError:
            found[name] = f"cannot be used: `molvm models verify {name}` says why"
    words = "\n".join(name if trouble is None else f"{name}  ({trouble})" for name, trouble in found.items())
    answer([{"name": name, "trouble": trouble} for name, trouble in found.items()], words, as_json=as_json)


@models_app.command("info")
def info(
    model: Annotated[str, typer.Argument(help="A model's name, or a directory.", autocompletion=models)],
    as_json: Json = False,
) -> None:
    """The card of a model: data, shape, training, metrics; of a published one that is not here yet, how to get it."""
    import json

    from molvm.models.hub import load_model, missing_published

    if (advice := missing_published(model)) is not None:
        words = f"{model} has not been converted on this machine. To get it, {advice}."
        answer({"name": model, "missing": advice}, words, as_json=as_json)
        return
    card = load_model(model).card
    answer(card, json.dumps(card, indent=2, ensure_ascii=False), as_json=as_json)


@models_app.command("verify")
def verify(
    model: Annotated[str, typer.Argument(help="A model's name, or a directory.", autocompletion=models)],
    as_json: Json = False,
) -> None:
    """Check that a model's weights are those of its card and fit its network."""
    from molvm.models.hub import load_model

    loaded = load_model(model)
    digest = loaded.card["sha256"]
    answer({"name": loaded.name, "sha256": digest}, f"{loaded.name} is whole: SHA-256 {digest}", as_json=as_json)


@models_app.command("convert")
def convert(
    folder: Annotated[Path, typer.Argument(help="FlowMol's published folder of a model, or its checkpoint.")],
    name: Annotated[str | None, typer.Option(help="What to call it; the model's folder's name by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new directory for it, instead of molvm's own.")] = None,
    as_json: Json = False,
) -> None:
    """Convert a published FlowMol checkpoint; nothing in it is executed."""
    from molvm.durable import refuse_existing
    from molvm.models.flowmol.published.convert import convert as converted
    from molvm.models.flowmol.published.naming import default_name, require_name
    from molvm.models.hub import PREFIX, converted_home, save_model
    from molvm.programs.pasted import pasted

    called = default_name(folder) if name is None else require_name(name)
    target = out or converted_home() / require_name(called)
    refuse_existing(target)
    save_model(converted(folder, called), target)
    model = str(target) if out else PREFIX + called
    words = f"The model is {model}: {pasted('molvm sample', model)} --out base.sdf"
    answer({"model": model, "path": target}, words, as_json=as_json)


@models_app.command("calibrate")
def calibrate(
    model: Annotated[str, typer.Argument(help="A model's name, or a directory.", autocompletion=models)],
    count: Annotated[int, typer.Option("-n", "--count", help="Molecules to draw and to measure on.")] = 256,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure how uncertain a model's predictions are: sampling.transition = "analytic_variance" needs it."""
    from molvm.cli.console import counting_bar
    from molvm.cli.interrupts import told_if_interrupted
    from molvm.programs.pasted import pasted
    from molvm.runs.calibration import calibrate as calibrated

    told = told_if_interrupted(lambda: f"{model} is as it was: the same command begins again.")
    with told, counting_bar("calibrating") as progress:
        card = calibrated(model, count, seed, progress)
    command = f"{pasted('molvm train --model', model)} --set sampling.transition=analytic_variance ..."
    answer({"model": model, "card": card}, f"The spread is in {card}: {command}", as_json=as_json)
