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
    _require_streamlit()
    _require_free(port)
    typer.echo(f"The studio: http://127.0.0.1:{port}", err=True)
    sys.stderr.flush()
    os.execve(argv[0], argv, environment(root))  # noqa: S606 - no shell; signals are then Streamlit's own


def _require_streamlit() -> None:
    """Find out what would else be Streamlit's own traceback.

    Raises:
        InteropError: It is installed, and cannot be imported.
    """
    from molvm.errors import InteropError

    try:
        import streamlit  # noqa: F401 - only whether that goes
    except ImportError as error:
        raise InteropError(
            f"Streamlit cannot be imported: {error}.", remedy="pip install --force-reinstall 'molvm[app]'"
        ) from error


def _require_free(port: int) -> None:
    """Find out what Streamlit would say after the address is shown.

    Raises:
        ConfigError: Something else listens on the port, or it may not be listened on.
    """
    import socket

    from molvm.errors import ConfigError

    try:
        # As servers do, so that a port that was left just now counts as free.
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise ConfigError(
            f"Port {port} of 127.0.0.1 is not available: {error.strerror or error}.",
            remedy=f"another --port, such as {port + 1 if 1024 <= port < 65535 else 8501}",
        ) from error
