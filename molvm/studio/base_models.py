"""Base models that a page offers by name. No torch is loaded to find them."""

from __future__ import annotations

from typing import Final

from molvm.datasets.home import data_home

BUNDLED: Final = {
    "qm9": "molecules of up to nine atoms of C, N, O and F, and their hydrogens",
    "drugs": "drug-like molecules of 13 to 57 atoms, a stand-in for GEOM-Drugs",
    "digits": "images of handwritten digits, 16 x 16, grey",
}
"""Those that come with molvm, and what they make."""

MOLECULAR: Final = ("qm9", "drugs")
"""Those of them that make molecules."""


def offered_models() -> dict[str, str]:
    """The names of the base models on this machine, and what they make."""
    converted = sorted((data_home() / "models" / "flowmol").glob("*/card.json"))
    return BUNDLED | {f"flowmol:{card.parent.name}": "published by FlowMol, converted here" for card in converted}
