"""Descriptors by Open Babel, asked of one process that stays.

Starting it costs as much as three hundred answers: 0.11 s, and 0.4 ms.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from molvm.chem.openbabel_process import ask, taken, worker_command
from molvm.errors import InteropError
from molvm.programs.companion import Companion

SECONDS = 60.0
"""How long an answer may take; a start included."""


@dataclass(frozen=True)
class KnownDescriptors:
    """What the installed Open Babel can compute.

    Args:
        version: Its own.
        names: What each descriptor whose values are numbers is called at length.
    """

    version: str
    names: Mapping[str, str]


@lru_cache(maxsize=1)
def known_descriptors() -> KnownDescriptors:
    """The descriptors of the installed Open Babel, asked once.

    Raises:
        MissingDependencyError: Open Babel is not installed.
        InteropError: It cannot be asked.
    """
    return KnownDescriptors(**ask({"verb": "descriptors"}, what="Listing Open Babel's descriptors", timeout=SECONDS))


def describe(smiles: str, descriptor: str) -> float:
    """The descriptor of a molecule.

    Args:
        smiles: With as many explicit hydrogens as Open Babel is to see; most descriptors add those that are missing.
        descriptor: One of `known_descriptors`.

    Raises:
        MissingDependencyError: Open Babel is not installed.
        CompanionError: It crashed or took too long.
        InteropError: It does not understand the molecule, or has no value for it.
    """
    what = f"Open Babel's descriptor {descriptor!r}"
    request = json.dumps({"verb": "describe", "smiles": smiles, "descriptor": descriptor})
    reply = taken(_companion(os.getpid()).ask(request.encode(), time_limit=SECONDS), what=what)
    value = float(reply["value"])
    if not math.isfinite(value):
        raise InteropError(f"{what} has no value for {smiles}.")
    return value


@lru_cache(maxsize=1)
def _companion(process: int) -> Companion:  # noqa: ARG001 - a fork must not talk into its parent's pipe
    return Companion(worker_command())
