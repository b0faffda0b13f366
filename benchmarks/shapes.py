"""The shapes of FlowMol's published continuous models, and a molecule's usual number of atoms."""

from __future__ import annotations

from molvm.datasets.elements import GEOM_ELEMENTS
from molvm.models.flowmol.config import FlowMolConfig

SHAPES = {
    "qm9": (18, FlowMolConfig()),
    "geom": (
        44,
        FlowMolConfig(
            elements=tuple(GEOM_ELEMENTS), schedule_exponents=(1, 2, 2, 2), rbf_dmax=12.0, molecule_updates=5
        ),
    ),
}
"""By dataset: atoms, and the network."""

MULTIPLY_ADDS = {"qm9": 2.85e6, "geom": 1.74e6}
"""Of the published networks as they are written, an ordered pair of atoms and evaluation; ours have fewer, because what
depends on one atom alone is multiplied once an atom."""
