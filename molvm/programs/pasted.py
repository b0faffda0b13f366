"""Commands to be pasted into a shell, as messages and pages show them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def pasted(command: str, *arguments: Path | str) -> str:
    """A command line that a shell reads as it is meant, whatever the names of files are made of.

    Args:
        command: Its beginning, as it is typed.
        arguments: What follows, each quoted if it must be. A path that begins with a dash is not read as an option.
    """
    return " ".join([command, *map(_quoted, arguments)])


def _quoted(argument: Path | str) -> str:
    text = f"./{argument}" if isinstance(argument, Path) and str(argument).startswith("-") else str(argument)
    if text.isprintable():
        return shlex.quote(text)
    # What no page and no terminal can show, bytes that are not UTF-8 among it, is written as POSIX has it.
    shown = (chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\{byte:03o}" for byte in os.fsencode(text))
    return f"$'{''.join(shown)}'"
