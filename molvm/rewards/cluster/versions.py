"""Whether two machines compute the same: the versions of what decides a value."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

DECISIVE: Final = ("molvm", "rdkit", "tblite", "gfnff", "xtb", "dftd4", "openbabel-wheel")


@cache
def decisive_versions() -> dict[str, str]:
    """Python's version and those of the packages that are installed here and decide what a reward says."""
    found = {"Python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for package in DECISIVE:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def difference(wanted: Mapping[str, str]) -> str | None:
    """What differs here from what a client has; None if all that the client has is here in the same version."""
    here = decisive_versions()
    differing = [
        f"{package} {here.get(package, 'is missing')} instead of {wished}"
        for package, wished in wanted.items()
        if here.get(package) != wished
    ]
    return f"{place()} has {', '.join(differing)}" if differing else None


def place() -> str:
    """This machine and its Python, for a message."""
    return f"the worker on {platform.node()} ({sys.executable})"
