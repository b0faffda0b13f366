"""What is known of a set of molecules, and how it is written down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from molvm.evaluation.distributions import Distribution
from molvm.evaluation.intervals import Estimate
from molvm.evaluation.subsets import SubsetEstimate

FORMAT: Final = "molvm-metrics"
FORMAT_VERSION: Final = 1
"""Raised when a name changes its meaning or goes; new names may come without."""


@dataclass(frozen=True)
class Summary:
    """The metrics of a set of molecules; None wherever there is nothing to take a share or mean of.

    Attributes:
        molecules: How many molecules were examined, broken ones included.
        valency_table: Name of the table behind `atoms_stable` and `molecules_stable`.
        reference: Name of the reference behind `distances`, if there is one.
        shares: Shares with Wilson's 95 % interval.

            * `atoms_stable`, `molecules_stable`: valencies as in the table (FlowMol v3).
            * `atoms_stable_permissive`, `molecules_stable_permissive`: MiDi's table (FlowMol v0.1 and v2.0).
            * `valid_permissive`: the largest fragment sanitises, implicit hydrogens allowed (FlowMol's validity).
            * `strictly_valid`: sanitises with no implicit hydrogen and no radical.
            * `strictly_valid_and_connected`: one fragment besides.
            * `connected`: exactly one fragment, of all molecules.
            * `fragmented`: more than one fragment, of those that could be split (the Value Matching paper's
              fragmentation); 1 - `connected` where all could be.
            * `unique`: distinct SMILES over the strictly valid and connected. It falls with the number of molecules;
              its interval is nominal, as duplicates are not independent.
            * `novel`: of those distinct SMILES, the ones that are not in the training set.
            * `relaxed`, `topology_kept`: of the strictly valid and connected, those that GFN-FF relaxes to
              convergence, and those of which the relaxed distances still show the same bonds.
            * `pb_valid`: passes every test of PoseBusters, of all molecules.
        posebusters: The share of all molecules that pass each test of PoseBusters.
        means: Means with Student's 95 % interval over the molecules that have the quantity: `atoms`; `fragments` and
            `largest_fragment_share` (if they could be split); `energy` (MMFF94, kcal/mol); `qed`, `log_p` and
            `sa_score` (strictly valid and connected); `strain` (kcal/mol), `rmsd_heavy` and `rmsd_all` (Å) (relaxed).
        distances: From the reference: `elements` and `sizes` (total variation), `energy` (FlowMol's Jensen-Shannon
            distance), and Wasserstein's distance, in their units, of the other quantities that the reference has. All
            fall towards 0, but not to it, as the number of molecules grows.
        distributions: Quantiles and histograms of the quantities.
        failures: Of `strain` (among the strictly valid and connected) and `posebusters` (of either part of the tests):
            kind and stage to how many.
        subsets: Of `shares`, `posebusters`, `means` and `distances`: name to the papers' estimate, see
            `molvm.evaluation.subsets`; empty for fewer than five molecules.
    """

    molecules: int
    valency_table: str
    reference: str | None
    shares: Mapping[str, Estimate | None]
    posebusters: Mapping[str, Estimate | None]
    means: Mapping[str, Estimate | None]
    distances: Mapping[str, float | None]
    distributions: Mapping[str, Distribution]
    failures: Mapping[str, Mapping[str, int]]
    subsets: Mapping[str, Mapping[str, SubsetEstimate | None]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The summary in what JSON knows; ends of intervals that are not finite become null."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "molecules": self.molecules,
            "valency_table": self.valency_table,
            "reference": self.reference,
            "shares": _json_estimates(self.shares),
            "posebusters": _json_estimates(self.posebusters),
            "means": _json_estimates(self.means),
            "distances": dict(self.distances),
            "failures": {name: dict(counts) for name, counts in self.failures.items()},
            "subsets": {name: _json_estimates(estimates) for name, estimates in self.subsets.items()},
            "distributions": {name: each.to_json() for name, each in self.distributions.items()},
        }


def _json_estimates(
    estimates: Mapping[str, Estimate | None] | Mapping[str, SubsetEstimate | None],
) -> dict[str, dict[str, Any] | None]:
    return {
        name: None
        if estimate is None
        else {key: value if math.isfinite(value) else None for key, value in asdict(estimate).items()}
        for name, estimate in estimates.items()
    }
