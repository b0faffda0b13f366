"""`molvm init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import objectives, recipes


def init(
    file: Annotated[Path, typer.Argument(help="The TOML file to write.")] = Path("molvm.toml"),
    objective: Annotated[
        str | None,
        typer.Option(
            help="The algorithm; `molvm train --help` names them.",
            show_default="value-matching",
            autocompletion=objectives,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Begin with settings by name: known-molecules, few-labels, digits, or paper.", autocompletion=recipes
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Json = False,
) -> None:
    """Write all settings of a training run with their meaning, to change and to train with.

    The settings are the defaults, or those of a recipe: molvm train --config molvm.toml --out runs/NAME
    """
    from molvm.cli.endings import require_ending
    from molvm.durable import published, require_writable
    from molvm.errors import ConfigError
    from molvm.programs.pasted import pasted
    from molvm.runs.config import RunConfig
    from molvm.runs.config_file import config_text, merged
    from molvm.runs.recipes import recipe_settings
    from molvm.runs.settings_layer import settings_layer

    if str(file) == "-":
        raise ConfigError("The settings are not written to the standard output.", remedy="the name of a .toml file")
    require_ending(file, ".toml")
    require_writable(file, overwrite=overwrite)
    layer = settings_layer(objective=objective)
    settings = merged([recipe_settings(recipe, layer), layer])
    config = RunConfig.from_mapping(settings, "the command line")
    command = f"{pasted('molvm train --config', file)} --out runs/NAME"
    with published(file, overwrite=overwrite) as part:
        part.write_text(config_text(config, f"Settings of a training run: {command}"), encoding="utf-8")
    words = f"The settings are in {file}: {command}"
    answer({"settings": file, "command": command}, words, as_json=as_json, err=True)
