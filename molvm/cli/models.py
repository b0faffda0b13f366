"""`molvm models`."""

from __future__ import annotations

from typing import Annotated

import typer

models_app = typer.Typer(help="List base models and show their cards.", no_args_is_help=True)


@models_app.command("list")
def list_models() -> None:
    """The bundled base models."""
    from molvm.models.hub import model_names

    for name in model_names():
        typer.echo(name)


@models_app.command("info")
def info(model: Annotated[str, typer.Argument(help="A bundled model's name, or a directory.")]) -> None:
    """The card of a model: data, shape, training, metrics."""
    import json

    from molvm.models.hub import load_model

    typer.echo(json.dumps(load_model(model).card, indent=2, ensure_ascii=False))
