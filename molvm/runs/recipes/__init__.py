"""Settings that belong together, by name: TOML files beside this one."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from molvm.errors import UnknownNameError

SUFFIX = ".toml"


def recipe_names() -> tuple[str, ...]:
    """The names of all recipes, sorted."""
    return tuple(
        sorted(entry.name.removesuffix(SUFFIX) for entry in files(__name__).iterdir() if entry.name.endswith(SUFFIX))
    )


def recipe_settings(name: str) -> dict[str, Any]:
    """The settings of a recipe, in the sections of `RunConfig`; other layers come over them.

    Raises:
        UnknownNameError: There is no such recipe.
    """
    if name not in recipe_names():
        raise UnknownNameError("recipe", name, recipe_names())
    return tomllib.loads((files(__name__) / f"{name}{SUFFIX}").read_text(encoding="utf-8"))
