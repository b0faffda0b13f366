"""Settings that belong together, by name: TOML files beside this one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from molvm.errors import ConfigError, UnknownNameError
from molvm.runs.objective_sections import DEFAULT_OBJECTIVE

SUFFIX = ".toml"


def recipe_names() -> tuple[str, ...]:
    """The names of all recipes, sorted."""
    return tuple(
        sorted(entry.name.removesuffix(SUFFIX) for entry in files(__name__).iterdir() if entry.name.endswith(SUFFIX))
    )


def recipe_settings(name: str, over: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings of a recipe, in the sections of `RunConfig`; other layers come over them.

    Args:
        name: The recipe's.
        over: What comes over them. It may name an objective; the recipe has settings of its own for each that it knows.

    Raises:
        UnknownNameError: There is no such recipe.
        ConfigError: The recipe has no settings for the objective.
    """
    settings = _read(name)
    objectives = settings["objective"]
    given = (over or {}).get("objective")
    chosen = given.get("name", DEFAULT_OBJECTIVE) if isinstance(given, Mapping) else DEFAULT_OBJECTIVE
    if chosen not in objectives:
        raise ConfigError(
            f"The recipe {name} has no settings for the objective {chosen!r}.", allowed=", ".join(sorted(objectives))
        )
    return {**settings, "objective": objectives[chosen]}


def recipes_for(objective: str) -> tuple[str, ...]:
    """The names of the recipes that have settings for an objective, sorted."""
    return tuple(name for name in recipe_names() if objective in _read(name)["objective"])


def _read(name: str) -> dict[str, Any]:
    if name not in recipe_names():
        raise UnknownNameError("recipe", name, recipe_names())
    return tomllib.loads((files(__name__) / f"{name}{SUFFIX}").read_text(encoding="utf-8"))
