"""The versions of what decides a value."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

EDITION = 4
"""To be raised by who changes what a reward comes out as, so that values kept from before are not found again."""


@cache
def versions_of(*packages: str) -> tuple[str, ...]:
    """Each package as "name version", as installed when it was first asked for.

    It is asked with every molecule, and reading them takes longer than all the rest of a look into the cache.

    Raises:
        PackageNotFoundError: One is not installed.
    """
    return tuple(f"{package} {version(package)}" for package in packages)
