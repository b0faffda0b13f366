"""Where molvm keeps what it builds once and reads often."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "MOLVM_HOME"


def data_home() -> Path:
    """The directory for datasets and other caches; it is not created here.

    Returns:
        The directory named by the environment variable ``MOLVM_HOME``, else ``~/.cache/molvm``.
    """
    named = os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser() if named else Path.home() / ".cache" / "molvm"
