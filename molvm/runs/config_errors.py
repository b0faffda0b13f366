"""From pydantic's errors to one sentence a person can act on."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Tag

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
    location, section = _located(first, schema)
    if first["type"] == "extra_forbidden":
        what = f"There is no setting {location!r}"
        allowed, remedy = _spelling(location, schema, section)
    elif first["type"] == "union_tag_invalid":
        what = f"The setting '{location}.name' is {first['ctx']['tag']!r}"
        allowed, remedy = first["ctx"]["expected_tags"], None
    else:
        what = f"The setting {location!r} is {first['input']!r}"
        allowed, remedy = _allowed(first), None
    more = f", and so are: {', '.join(_located(other, schema)[0] for other in others)}" if others else ""
    return ConfigError(f"{what} (in {source}){more and ', which is wrong' + more}.", allowed=allowed, remedy=remedy)


def known_settings(schema: type[BaseModel], prefix: str = "") -> list[str]:
    """The dotted names of all settings of a schema, those of every variant of a section among them."""
    names: list[str] = []
    for name, field in schema.model_fields.items():
        sections = variants(field.annotation)
        for section in sections.values():
            names.extend(known_settings(section, f"{prefix}{name}."))
        if not sections:
            names.append(prefix + name)
    return list(dict.fromkeys(names))


def variants(kind: object) -> dict[str, type[BaseModel]]:
    """The sections that an annotation stands for, by their tags: one without a tag, several, or none."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {"": kind}
    members = [get_args(member) for member in get_args(kind) if get_origin(member) is Annotated]
    return {tag.tag: section for section, tag, *_ in members if isinstance(tag, Tag)}


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


def _spelling(location: str, schema: type[BaseModel], section: type[BaseModel]) -> tuple[str, str | None]:
    """The settings that there are where this one is not, and which one or which variant may be meant."""
    prefix, known = location.rpartition(".")[0], sorted(known_settings(schema))
    here = sorted(known_settings(section, f"{prefix}.")) if prefix else []
    sections = sorted({name.rpartition(".")[0] or name for name in known})
    if location in known:
        others = variants(schema.model_fields[prefix].annotation).items()
        having = [tag for tag, other in others if location in known_settings(other, f"{prefix}.")]
        return ", ".join(here), f"{prefix}.name = {' or '.join(having)}, which has it"
    near = nearest(location, known if prefix else [*known, *sections])
    return ", ".join(here or sections), f"did you mean {near!r}?" if near else None


def _located(detail: ErrorDetails, schema: type[BaseModel]) -> tuple[str, type[BaseModel]]:
    """The dotted name of a setting, and the section it is in. Behind a section's name pydantic puts the variant's."""
    names: list[str] = []
    section, inner = schema, dict[str, type[BaseModel]]()
    for part in map(str, detail["loc"]):
        if part in inner:
            section, inner = inner[part], {}
            continue
        section = inner.get("", section)
        names.append(part)
        inner = variants(section.model_fields[part].annotation) if part in section.model_fields else {}
    return ".".join(names), section


def _allowed(detail: ErrorDetails) -> str:
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    if kind in _BOUNDS:
        key, sentence = _BOUNDS[kind]
        number = "a whole number" if isinstance(context[key], int) else "a finite number"
        return f"{number}, {sentence.format(context[key])}"
    if kind == "literal_error":
        return str(context["expected"])
    if kind == "string_unicode":
        return "text that is UTF-8"
    if kind == "string_too_short":
        return "text that is not empty"
    for start, sentence in _KINDS.items():
        if kind.startswith(start):
            return sentence
    return detail["msg"]
