"""Settings in TOML files: read, overridden, and written back with everything resolved."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel

from molvm.errors import ConfigError, InputFileError
from molvm.runs.config import RunConfig


def read_settings(path: Path) -> dict[str, Any]:
    """The values of a TOML file, unchecked.

    Raises:
        InputFileError: It cannot be read.
        ConfigError: It is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputFileError(
            f"The file {path} cannot be read: {error.strerror or error}.", remedy="check the path and its permissions"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"The file {path} is not TOML: {error}.", remedy="`[section]` lines and `key = value` lines"
        ) from error


def load_config(path: Path) -> RunConfig:
    """The settings of a TOML file, checked.

    Raises:
        InputFileError: It cannot be read.
        ConfigError: It is not TOML, or a setting is unknown or out of range.
    """
    return RunConfig.from_mapping(read_settings(path), source=str(path))


def parse_assignment(text: str) -> dict[str, Any]:
    """`section.key=value` as nested values; the value is TOML, or else text.

    Raises:
        ConfigError: There is no `=`, or no name before it.
    """
    name, equals, value = text.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not equals or not all(keys):
        raise ConfigError(f"The override {text!r} is no assignment.", allowed="section.key=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    for key in reversed(keys):
        parsed = {key: parsed}
    return dict(parsed)


def merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Nested values, later layers over earlier ones, setting by setting."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            both = isinstance(value, Mapping) and isinstance(old, Mapping)
            result[key] = merged([old, value]) if both and isinstance(old, Mapping) else value
    return result


def config_text(config: RunConfig, heading: str = "The settings of this run, all of them, with their meaning.") -> str:
    """The settings as commented TOML that reads back to the same settings, under a heading."""
    document = tomlkit.document()
    document.add(tomlkit.comment(heading))
    _add(document, config)
    for name, section in config:
        if isinstance(section, BaseModel):
            table = tomlkit.table()
            _add(table, section)
            document.add(tomlkit.nl())
            document.add(name, table)
    return tomlkit.dumps(document)


def _add(table: tomlkit.TOMLDocument | tomlkit.items.Table, section: BaseModel) -> None:
    for name, value in section:
        if isinstance(value, BaseModel):
            continue
        description = type(section).model_fields[name].description or ""
        if value is None:
            table.add(tomlkit.comment(f"{name} =   # {description}"))
            continue
        item = tomlkit.item(str(value) if isinstance(value, Path) else value)
        item.comment(description)
        table.add(name, item)
