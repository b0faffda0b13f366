"""The commands, put together. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Annotated

import typer

from molvm.cli.compare import compare
from molvm.cli.data import data_app
from molvm.cli.doctor import doctor
from molvm.cli.evaluate import evaluate
from molvm.cli.init import init
from molvm.cli.models import models_app
from molvm.cli.pretrain import pretrain
from molvm.cli.report import report
from molvm.cli.rewards import rewards_app
from molvm.cli.sample import sample
from molvm.cli.score import score
from molvm.cli.studio import app as studio
from molvm.cli.train import train
from molvm.cli.trajectory import trajectory

app = typer.Typer(
    name="molvm",
    help="Steer pretrained 3D molecule generators towards any reward.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"molvm {version('molvm')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Steer pretrained 3D molecule generators towards any reward."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")


for _command in (init, train, sample, trajectory, score, evaluate, report, compare, pretrain, doctor):
    app.command()(_command)
app.command(name="app")(studio)
app.add_typer(data_app, name="data")
app.add_typer(models_app, name="models")
app.add_typer(rewards_app, name="rewards")
