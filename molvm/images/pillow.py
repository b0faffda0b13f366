"""Pillow, where it is installed."""

from __future__ import annotations

from types import ModuleType

from molvm.errors import MissingDependencyError


def pillow() -> ModuleType:
    """The module `PIL.Image`.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingDependencyError("pillow", "images", "Writing and judging images") from error
    return PIL.Image
