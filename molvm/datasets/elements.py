"""Element maps that several datasets share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

GEOM_ELEMENTS: Final[Mapping[str, int]] = {
    "C": 6,
    "H": 1,
    "N": 7,
    "O": 8,
    "F": 9,
    "P": 15,
    "S": 16,
    "Cl": 17,
    "Br": 35,
    "I": 53,
}
"""FlowMol's map for GEOM-Drugs, in the order of its atom types, with atomic numbers."""
