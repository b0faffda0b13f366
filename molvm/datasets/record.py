"""One molecule on its way into a dataset: kept, or dropped for a named reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

BOND_ORDERS: Final[Mapping[str, str]] = {"0": "none", "1": "single", "2": "double", "3": "triple"}
"""What the numbers of a kekulised dataset's bonds mean, for its manifest."""

DropReason: TypeAlias = Literal[
    "no_bonds_found",
    "fragmented",
    "charge_too_large",
    "unknown_element",
    "unreadable",
    "not_sanitised",
    "not_kekulised",
    "open_valence",
    "not_embedded",
    "not_relaxed",
    "geometry_broken",
    "topology_changed",
    "no_conformer",
    "too_large",
    "no_file",
]
"""Why a molecule is not kept; the datasets' manifests count them by these names."""


@dataclass(frozen=True, eq=False)
class MoleculeRecord:
    """One molecule as a dataset stores it (shapes as in `MoleculeDataset`, for one molecule)."""

    source_index: int
    positions: npt.NDArray[np.float32]
    types: npt.NDArray[np.uint8]
    charges: npt.NDArray[np.int8]
    bonds: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Dropped:
    """A molecule that could not be kept, and why."""

    source_index: int
    reason: DropReason


Verdict: TypeAlias = MoleculeRecord | Dropped
"""What became of one molecule of a source."""
