"""Can modules be imported? Tried in a process of their own, because an import may crash or hang."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Final

IMPORT_SECONDS: Final = 60.0
"""After which an import counts as hanging; all of molvm's extras together take five."""

PROGRAM: Final = """
import importlib, sys
answers, sys.stdout = sys.stdout, sys.stderr
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        trouble = ""
    except BaseException as error:
        trouble = " ".join(f"{type(error).__name__}: {error}".split())
    print("imported", name, trouble, file=answers, flush=True)
"""
"""Says of each module in turn how its import went. Together they take less than apart: they share much."""


def try_imports(modules: Sequence[str], *, seconds: float = IMPORT_SECONDS) -> dict[str, str | None]:
    """What is wrong with the import of each module, None if nothing.

    One that ends the process, or during which it has taken `seconds` in all, is blamed, and those after it are tried in
    another process.
    """
    found: dict[str, str | None] = {}
    while left := [module for module in dict.fromkeys(modules) if module not in found]:
        said, trouble = _try(left, seconds)
        found |= said
        if len(said) < len(left):
            found[left[len(said)]] = trouble
    return found


def _try(modules: Sequence[str], seconds: float) -> tuple[dict[str, str | None], str]:
    """What the first modules said of themselves, and why no more did."""
    program = [sys.executable, "-W", "ignore", "-c", PROGRAM, *modules]
    try:
        done = subprocess.run(program, capture_output=True, timeout=seconds, check=False)
        output, trouble = done.stdout, f"its import ends with {done.returncode}"
    except subprocess.TimeoutExpired as error:
        output, trouble = error.stdout or b"", f"its import takes more than {seconds:g} s"
    lines = (line.split(maxsplit=2) for line in output.decode(errors="replace").splitlines())
    said = {words[1]: words[2] if len(words) > 2 else None for words in lines if words[:1] == ["imported"]}
    return {module: said[module] for module in modules if module in said}, trouble
