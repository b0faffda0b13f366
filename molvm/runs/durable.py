"""Small files that are either the old or the new, never half of one."""

from __future__ import annotations

import os
from pathlib import Path

from molvm.errors import OutputExistsError


def replace_text(path: Path, text: str) -> None:
    """Write a file beside `path`, flush it to the disk and let it take the name.

    Raises:
        OutputExistsError: The folder cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputExistsError(
            f"The file {path} cannot be written: {error.strerror or error}.",
            remedy="some free space and a writable folder",
        ) from error
