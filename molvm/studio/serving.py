"""How Streamlit is started for the studio, and what it may not do."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from molvm.errors import InputFileError, MissingDependencyError

ROOT_VARIABLE: Final = "MOLVM_STUDIO"
"""The environment variable with the folder of the runs."""

ADDRESS: Final = "127.0.0.1"

UPLOAD_MEGABYTES: Final = 20

SETTINGS: Final = {
    "server.address": ADDRESS,
    "browser.serverAddress": ADDRESS,
    "browser.gatherUsageStats": "false",
    "server.maxUploadSize": str(UPLOAD_MEGABYTES),
    "server.enableXsrfProtection": "true",
    "server.enableCORS": "true",
    "server.enableStaticServing": "false",
    "server.fileWatcherType": "none",
    "client.showErrorDetails": "type",
    "client.toolbarMode": "minimal",
    "client.showSidebarNavigation": "true",
    "runner.magicEnabled": "false",
}
"""Of Streamlit; they come before any configuration file."""


def studio_folder() -> Path:
    """The folder of the pages: beside molvm in a clone, within it once it is installed.

    Raises:
        InputFileError: The installation has none.
    """
    package = Path(__file__).parent
    for folder in (package / "pages", package.parent.parent / "apps" / "studio"):
        if (folder / "app.py").is_file():
            return folder
    raise InputFileError("The pages of the studio are not installed.", remedy="pip install 'molvm[app]' again")


def command(port: int, *, browser: bool) -> list[str]:
    """The command that serves the studio.

    Raises:
        MissingDependencyError: Streamlit is not installed.
        InputFileError: The pages are missing.
    """
    if find_spec("streamlit") is None:
        raise MissingDependencyError("streamlit", "app", "The studio")
    settings = {**SETTINGS, "server.port": str(port), "server.headless": str(not browser).lower()}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "molvm.studio.server", "run", str(studio_folder() / "app.py"), *flags]


def environment(root: Path) -> dict[str, str]:
    """The environment of the studio and of what it starts."""
    return {**os.environ, ROOT_VARIABLE: str(root)}
