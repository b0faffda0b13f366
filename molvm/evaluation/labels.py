"""What metrics are called where people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SHARES: Final[Mapping[str, Mapping[str, str]]] = {
    "Stability": {
        "atoms_stable": "atoms stable, table {table}",
        "molecules_stable": "molecules stable, table {table}",
        "atoms_stable_permissive": "atoms stable, MiDi's table",
        "molecules_stable_permissive": "molecules stable, MiDi's table",
    },
    "Validity": {
        "valid_permissive": "valid as FlowMol counts ¹",
        "strictly_valid": "strictly valid ²",
        "strictly_valid_and_connected": "strictly valid and connected ³",
        "connected": "connected, one fragment",
        "fragmented": "fragmented",
    },
    "Variety of ³": {"unique": "unique", "novel": "novel, not in the training set"},
    "GFN-FF relaxation of ³": {"relaxed": "converged", "topology_kept": "converged, bonds kept"},
}
"""Heading to name to label."""

NOTES: Final = "¹ largest fragment sanitises, H may be added  ² all of it, no H added"

MEANS: Final = {
    "atoms": "atoms",
    "fragments": "fragments",
    "largest_fragment_share": "largest fragment / all atoms",
    "energy": "MMFF94 energy, kcal/mol",
    "qed": "QED ³",
    "log_p": "logP (Crippen) ³",
    "sa_score": "SA score, 1 easy, 10 hard ³",
    "strain": "strain ³, kcal/mol",
    "rmsd_heavy": "RMSD of heavy atoms ³, Å",
    "rmsd_all": "RMSD of all atoms ³, Å",
}

DISTANCES: Final = {
    "elements": "elements, total variation",
    "sizes": "sizes, total variation",
    "energy": "MMFF94 energy, Jensen-Shannon",
    "qed": "QED, Wasserstein",
    "log_p": "logP, Wasserstein",
    "sa_score": "SA score, Wasserstein",
    "strain": "strain, Wasserstein, kcal/mol",
    "rmsd_heavy": "RMSD heavy, Wasserstein, Å",
    "rmsd_all": "RMSD all, Wasserstein, Å",
}
