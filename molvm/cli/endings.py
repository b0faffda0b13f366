"""What the name of a file says about its format, where a command writes one format alone."""

from __future__ import annotations

from pathlib import Path

KINDS = {".sdf", ".sd", ".smi", ".csv", ".xyz", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".zip"}
"""Endings that no folder has."""


def require_ending(out: Path, *allowed: str) -> None:
    """Refuse a name that says something else than what is going to be written; one without an ending says nothing.

    Args:
        out: The file to write.
        allowed: Endings, with their dots, in lower case; without any, what is written is a folder.

    Raises:
        ConfigError: It has another ending.
    """
    from molvm.errors import ConfigError

    ending = out.suffix.lower()
    if ending in ("", *allowed):
        return
    if allowed:
        raise ConfigError(
            f"{out} would be no {ending} file.", allowed=" or ".join(allowed), remedy=f"{out.with_suffix(allowed[0])}"
        )
    if ending in KINDS:
        raise ConfigError(
            f"{out} would be a folder.", allowed="the name of a new folder", remedy=f"{out.with_suffix('')}"
        )
