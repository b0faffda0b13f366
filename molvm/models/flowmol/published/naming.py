"""What a converted model is called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from molvm.errors import ConfigError

NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", re.ASCII)

CHECKPOINTS: Final = "checkpoints"
"""Lightning's folder within a model's folder."""

AS_PUBLISHED: Final = ("last.ckpt", "model.ckpt")
"""Files that are called after no model."""


def require_name(name: str) -> str:
    """The name, if it can be one: it is that of a folder, and follows `flowmol:`.

    Raises:
        ConfigError: It has other characters, or begins with a dot.
    """
    if NAME.fullmatch(name) is None:
        raise ConfigError(
            f"A model cannot be called {name!r}.",
            allowed="letters, digits, _, - and ., and no . at the beginning",
            remedy="--name NAME",
        )
    return name


def default_name(path: Path) -> str:
    """What a published folder, or the checkpoint in one, is called: as the model's folder.

    A single file with a name of its own, outside a folder `checkpoints`, is called as it is itself.
    """
    path = path.resolve()
    if path.is_file():
        if path.parent.name != CHECKPOINTS and path.name not in AS_PUBLISHED:
            return path.stem
        path = path.parent
    return path.parent.name if path.name == CHECKPOINTS else path.name
