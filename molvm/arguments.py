"""What a public function is given, checked against its annotations before it does anything.

Ranges and names are for the function itself; here a value only is or is not of a kind that the annotation allows.
pydantic, which checks the settings, takes data classes apart and wants every class imported; here it is recognised.
"""

from __future__ import annotations

import builtins
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from molvm.errors import ConfigError

P = ParamSpec("P")
R = TypeVar("R")

_WORDS: dict[object, str] = {
    Callable: "a function",
    NoneType: "None",
    Path: "a path",
    bool: "True or False",
    float: "a number",
    int: "a whole number",
    str: "a text",
}


class ArgumentError(ConfigError, TypeError):
    """An argument is missing, unknown, or of a kind that the function has no use for."""


def typed(*, but: str = "", remedy: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function refuse arguments of kinds that its annotations do not allow.

    Args:
        but: Parameters, with spaces between them, that the function judges itself because it can say more.
        remedy: What to try, where the function's help would not be enough.

    Raises:
        ArgumentError: From the function, when it is called: an argument is missing, unknown or of the wrong kind.
    """
    left_out = {*but.split(), "self", "cls"}

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature, name = inspect.signature(function), function.__qualname__.removesuffix(".__init__")
        advice = remedy or f"`help({name})`, which says what each argument means"

        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise ArgumentError(f"{name} cannot be called so: {error}.", remedy=advice) from error
            kinds = _kinds(function)
            for parameter, value in _given(bound):
                if parameter in kinds and parameter not in left_out and not is_of(kinds[parameter], value):
                    raise ArgumentError(
                        f"The argument {parameter!r} of {name} is {value!r:.60}.",
                        allowed=in_words(kinds[parameter]),
                        remedy=advice,
                    )
            return function(*args, **kwargs)

        return checked

    return decorate


def _given(bound: inspect.BoundArguments) -> Iterator[tuple[str, object]]:
    """Every argument with its parameter, which may have several."""
    for name, value in bound.arguments.items():
        match bound.signature.parameters[name].kind:
            case inspect.Parameter.VAR_POSITIONAL:
                yield from ((name, each) for each in value)
            case inspect.Parameter.VAR_KEYWORD:
                yield from ((name, each) for each in value.values())
            case _:
                yield name, value


def is_of(kind: Any, value: object) -> bool:
    """Whether a value is of a kind that an annotation names; of a collection's elements only a sequence's are asked."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(is_of(part, value) for part in parts)
    if origin is Literal:
        return isinstance(value, tuple({type(part) for part in parts}))
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    found = origin or kind
    if found is Any or not isinstance(found, type):
        return True
    if issubclass(found, Iterable) and found is not str and isinstance(value, str | bytes):
        return False
    if not isinstance(value, found):
        return False
    elements = parts[:1] if issubclass(found, Sequence) else ()
    return all(is_of(part, element) for part in elements for element in cast(Sequence[object], value))


def in_words(kind: Any) -> str:
    """What an annotation allows, for a message."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        *first, last = dict.fromkeys(in_words(part) for part in parts)
        return f"{', '.join(first)} or {last}" if first else last
    if origin is Literal:
        return ", ".join(map(repr, parts))
    found = origin or kind
    if found in _WORDS:
        return _WORDS[found]
    if isinstance(found, type) and issubclass(found, Mapping):
        return "a mapping"
    if isinstance(found, type) and issubclass(found, Iterable) and parts:
        return f"a list, each of it {in_words(parts[0])}"
    name = getattr(found, "__name__", str(found))
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


@cache
def _kinds(function: Callable[..., object]) -> dict[str, Any]:
    return get_type_hints(function, localns=_Names(vars(sys.modules[function.__module__])))


class _Names(dict[str, Any]):
    """The names of a module; one that it imports for type checkers alone stands for any class so called."""

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            return getattr(builtins, name)
        if name.startswith("_"):
            raise KeyError(name)
        return _ByName(name, (), {})


class _ByName(type):
    """Classes that are not imported, so that the check stays quick: whose instances are recognised by its name."""

    def __instancecheck__(cls, instance: object) -> bool:
        return any(each.__name__ == cls.__name__ for each in type(instance).__mro__)

    def __getattr__(cls, name: str) -> _ByName:
        if name.startswith("_"):
            raise AttributeError(name)
        return _ByName(name, (), {})
