"""From pydantic's errors to one sentence a person can act on."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from molvm.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

NEAR = 0.6
"""How alike two spellings must be before one is suggested for the other; 1 is the same."""

_BOUNDS = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} or less"),
}

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "path": "a path",
    "model": "a section with settings",
    "dict": "a section with settings",
}


def explain(error: ValidationError, schema: type[BaseModel], source: str) -> ConfigError:
    """The error for the first setting that is wrong; the others are named.

    Args:
        error: What pydantic found.
        schema: The schema it checked against, for the spellings.
        source: Where the values come from.
    """
    first, *others = error.errors(include_url=False)
    location = _location(first)
    known = sorted(known_settings(schema))
    if first["type"] == "extra_forbidden":
        what = f"There is no setting {location!r}"
        allowed, remedy = _spelling(location, known)
    else:
        what = f"The setting {location!r} is {first['input']!r}"
        allowed, remedy = _allowed(first), None
    more = f", and so are: {', '.join(_location(other) for other in others)}" if others else ""
    return ConfigError(f"{what} (in {source}){more and ', which is wrong' + more}.", allowed=allowed, remedy=remedy)


def known_settings(schema: type[BaseModel], prefix: str = "") -> list[str]:
    """The dotted names of all settings of a schema."""
    names: list[str] = []
    for name, field in schema.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names.extend(known_settings(kind, f"{prefix}{name}."))
        else:
            names.append(prefix + name)
    return names


def nearest(name: str, known: list[str]) -> str | None:
    """The known setting that is most like the name, or whose last part is most like the name's."""
    last = {other.rsplit(".", 1)[-1]: other for other in known}
    if (own := name.rsplit(".", 1)[-1]) in last:
        return last[own]
    close = difflib.get_close_matches(name, known, n=1, cutoff=NEAR)
    if close:
        return close[0]
    close = difflib.get_close_matches(own, last, n=1, cutoff=NEAR)
    return last[close[0]] if close else None


def _spelling(location: str, known: list[str]) -> tuple[str, str | None]:
    near = nearest(location, known)
    section = location.rpartition(".")[0]
    here = [name for name in known if name.rpartition(".")[0] == section] if section else []
    sections = sorted({name.rpartition(".")[0] or name for name in known})
    return ", ".join(here or sections), f"did you mean {near!r}?" if near else None


def _location(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"])


def _allowed(detail: ErrorDetails) -> str:
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    if kind in _BOUNDS:
        key, sentence = _BOUNDS[kind]
        number = "a whole number" if isinstance(context[key], int) else "a finite number"
        return f"{number}, {sentence.format(context[key])}"
    if kind == "literal_error":
        return str(context["expected"])
    if kind == "string_too_short":
        return "text that is not empty"
    for start, sentence in _KINDS.items():
        if kind.startswith(start):
            return sentence
    return detail["msg"]
