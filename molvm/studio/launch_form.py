"""The form of a run, made from the schema of its settings."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from molvm.durable import replace_text
from molvm.errors import ConfigError
from molvm.runs.config import RunConfig
from molvm.runs.config_file import config_text, merged
from molvm.runs.objective_sections import DEFAULT_OBJECTIVE, OBJECTIVES
from molvm.runs.recipes import recipe_settings
from molvm.studio.addressed import ANYTHING, SWITCH, Rule, is_number, is_whole, one_of
from molvm.studio.rewards import page_reward

Kind = Literal["choice", "whole", "number", "switch", "text"]

MAIN: Final = (
    "model.name",
    "reward.name",
    "training.strength",
    "training.iterations",
    "training.batch_size",
    "sampling.steps",
    "value.size",
    "training.seed",
)
"""What most runs set; all else is below a fold."""

NOT_IN_FORM: Final = (
    "objective.name",
    "logging.wandb",
    "logging.mlflow",
    "logging.project",
    "model.prompts",
    "model.classes",
)
"""The first is chosen with the algorithm. No link may ask for the others: metrics sent elsewhere, files to be read."""


@dataclass(frozen=True)
class Entry:
    """One setting as a form asks for it.

    Args:
        key: section.setting.
        kind: What is asked for.
        default: Its default, or what a recipe says instead; None where it may be left unset.
        description: What it means.
        choices: What may be chosen, for a choice.
        low: The least number; None without a bound.
        optional: Whether it may be left unset.
    """

    key: str
    kind: Kind
    default: Any
    description: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    optional: bool = False

    @property
    def label(self) -> str:
        """The setting in words."""
        return self.key.partition(".")[2].replace("_", " ")

    @property
    def rule(self) -> Rule:
        """What an address may ask for, because the form can show it; `settings_of` checks the filled form."""
        if self.kind == "text":
            return ANYTHING
        rule = {
            "choice": one_of(self.choices),
            "switch": SWITCH,
            "whole": Rule(
                "a whole number" + ("" if self.low is None else f" from {self.low:g}"),
                lambda texts: len(texts) == 1 and is_whole(texts[0], self.low),
            ),
            "number": Rule("a number", lambda texts: len(texts) == 1 and is_number(texts[0])),
        }[self.kind]
        unset = [""]
        return Rule(rule.words, lambda texts: list(texts) == unset or rule.allows(texts)) if self.optional else rule


def entries(objective: str = DEFAULT_OBJECTIVE, recipe: str | None = None) -> list[Entry]:
    """All settings of a run with that algorithm, in the order of the schema; defaults are a recipe's, if one is named.

    Raises:
        ConfigError: There is no such algorithm, or the recipe has no settings for it.
        UnknownNameError: There is no such recipe.
    """
    if objective not in OBJECTIVES:
        raise ConfigError(f"There is no algorithm {objective!r}.", allowed=", ".join(OBJECTIVES))
    found: list[Entry] = []
    for section, info in RunConfig.model_fields.items():
        if section == "out":
            continue
        kind = OBJECTIVES[objective] if section == "objective" else info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += [_entry(f"{section}.{name}", field) for name, field in kind.model_fields.items()]
    shown = [entry for entry in found if entry.key not in NOT_IN_FORM]
    if recipe is None:
        return shown
    settings = recipe_settings(recipe, {"objective": {"name": objective}})
    return [replace(entry, default=_within(settings, entry)) for entry in shown]


def _within(settings: Mapping[str, Any], entry: Entry) -> Any:
    section, _, setting = entry.key.partition(".")
    return settings.get(section, {}).get(setting, entry.default)


def _entry(key: str, info: FieldInfo) -> Entry:
    parts = list(_plain_types(info.annotation))
    optional = type(None) in parts
    choices = tuple(str(value) for part in parts if get_origin(part) is Literal for value in get_args(part))
    kinds = [part for part in parts if part is not type(None)]
    kind: Kind = "text"
    if choices:
        kind = "choice"
    elif kinds == [bool]:
        kind = "switch"
    elif kinds == [int]:
        kind = "whole"
    elif kinds == [float]:
        kind = "number"
    lows = [float(bound) for each in info.metadata for bound in [getattr(each, "ge", None)] if bound is not None]
    return Entry(key, kind, info.default, info.description or "", choices, lows[0] if lows else None, optional)


def _plain_types(annotation: Any) -> Iterator[Any]:
    """The members of a union, and what is annotated without its annotations."""
    if hasattr(annotation, "__metadata__"):
        yield from _plain_types(annotation.__origin__)
    elif get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _plain_types(part)
    else:
        yield annotation


def settings_of(values: Mapping[str, Any], objective: str = DEFAULT_OBJECTIVE) -> RunConfig:
    """The settings that a filled form asks for.

    Args:
        values: section.setting to what was given; None and empty texts leave a setting at its default.
        objective: The algorithm.

    Raises:
        ConfigError: A setting is out of range or unknown.
        UnknownNameError: There is no such reward.
        RewardError: The reward would start a program or run a file.
    """
    layers: list[Mapping[str, Any]] = [{"objective": {"name": objective}}]
    for key, value in values.items():
        section, _, setting = key.partition(".")
        if value is not None and value != "":
            layers.append({section: {setting: value}})
    config = RunConfig.from_mapping(merged(layers), source="the form")
    page_reward(config.reward.name)
    return config


def changed(config: RunConfig, recipe: str | None = None) -> dict[str, Any]:
    """The settings that differ from their defaults, or from those of a recipe, as section.setting."""
    found: dict[str, Any] = {}
    for entry in entries(config.objective.name, recipe):
        section, _, setting = entry.key.partition(".")
        value = getattr(getattr(config, section), setting)
        if value != entry.default:
            found[entry.key] = value
    return found


def launch_arguments(config: RunConfig, settings_file: Path, out: Path) -> list[str]:
    """Write the settings down, and say how `molvm` is called to train with them.

    Raises:
        OutputExistsError: They cannot be written.
    """
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    replace_text(settings_file, config_text(config))
    return ["train", "--config", str(settings_file), "--out", str(out)]
