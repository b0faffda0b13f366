"""What a command says in the end: words for people, JSON for programs."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import typer

from molvm.legible import legible

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def answer(result: Any, words: str, *, as_json: bool, err: bool = False) -> None:
    """Print a result.

    Args:
        result: What JSON knows; numbers that are not finite become null.
        words: The same for people; nothing is printed for none.
        as_json: Which of the two.
        err: Whether the words go to stderr, as those of commands do whose result is a file.
    """
    if as_json:
        typer.echo(json.dumps(_plain(result), indent=2, ensure_ascii=False, allow_nan=False))
    elif words:
        typer.echo(legible(words), err=err)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {legible(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | None) else legible(value)
