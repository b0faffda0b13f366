"""Settings that belong together, by name: TOML files beside this one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from molvm.errors import ConfigError, UnknownNameError
from molvm.runs.objective_sections import DEFAULT_OBJECTIVE

SUFFIX = ".toml"

PAPER: Final = "paper"
"""No settings but the defaults, which are the paper's."""

OWN: Final = {"digits": "digits"}
"""The recipes of models that are too small for the paper's settings."""


def recipe_names() -> tuple[str, ...]:
    """The names of all recipes, sorted."""
    return tuple(
        sorted(entry.name.removesuffix(SUFFIX) for entry in files(__name__).iterdir() if entry.name.endswith(SUFFIX))
    )


def own_recipe(model: object) -> str:
    """The recipe of a base model's name, where none is asked for."""
    return OWN.get(str(model), PAPER)


def recipe_settings(name: str | None, over: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings of a recipe, in the sections of `RunConfig`; other layers come over them.

    Args:
        name: The recipe's; None for the base model's own.
        over: What comes over them. It may name a base model, and an objective: a recipe that has settings of its own
            for some objectives is for no other.

    Raises:
        UnknownNameError: There is no such recipe.
        ConfigError: The recipe has no settings for the objective.
    """
    layers = over or {}
    name = own_recipe(_named(layers, "model")) if name is None else name
    settings = _read(name)
    objectives = settings.get("objective")
    if objectives is None:
        return settings
    chosen = _named(layers, "objective") or DEFAULT_OBJECTIVE
    if chosen not in objectives:
        raise ConfigError(
            f"The recipe {name} has no settings for the objective {chosen!r}.", allowed=", ".join(sorted(objectives))
        )
    return {**settings, "objective": objectives[chosen]}


def _named(layers: Mapping[str, Any], section: str) -> Any:
    """What a section names, if it does; a wrong type is told of by the schema."""
    given = layers.get(section)
    return given.get("name") if isinstance(given, Mapping) else None


def recipes_for(objective: str) -> tuple[str, ...]:
    """The names of the recipes that have settings for an objective, sorted."""
    return tuple(name for name in recipe_names() if objective in _read(name).get("objective", (objective,)))


def _read(name: str) -> dict[str, Any]:
    if name not in recipe_names():
        raise UnknownNameError("recipe", name, recipe_names())
    return tomllib.loads((files(__name__) / f"{name}{SUFFIX}").read_text(encoding="utf-8"))
