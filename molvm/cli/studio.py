"""`molvm app`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def app(
    runs: Annotated[Path, typer.Argument(help="The folder in which your runs are, or one run.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of 127.0.0.1.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the studio in a browser.")] = False,
) -> None:
    """Look at runs and molecules in a browser: the studio, on this machine alone.

    It listens on 127.0.0.1, asks for nothing from the network, and reads only what is below RUNS.
    """
    from molvm.studio.serving import command, environment
    from molvm.studio.shelf import open_shelf

    root = open_shelf(runs).root
    argv = command(port, browser=browser)
    typer.echo(f"The studio: http://127.0.0.1:{port}", err=True)
    sys.stderr.flush()
    os.execve(argv[0], argv, environment(root))  # noqa: S606 - no shell; signals are then Streamlit's own
