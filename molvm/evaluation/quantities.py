"""The numbers that a molecule may have: where they come from, their units, ranges and bins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from molvm.evaluation.distributions import Bins
from molvm.evaluation.strain import RMSD_ALL, RMSD_HEAVY
from molvm.evaluation.verdict import Verdict

ENERGY: Final = "energy"
"""It has a distance of its own, FlowMol's."""

ENERGY_BINS: Final = Bins(-200, 500, 199)
"""FlowMol's."""


@dataclass(frozen=True)
class Quantity:
    """A number that a molecule may have.

    Attributes:
        name: As in `Summary.means`.
        of: The number, or None for a molecule that has none.
        unit: Empty for pure numbers.
        low: Its least possible value.
        high: Its largest.
        bins: Of its histogram; None for a whole number, which has a bin for every value.
        relaxed: Whether it is known only of molecules that have been relaxed.
    """

    name: str
    of: Callable[[Verdict], float | None]
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    bins: Bins | None = None
    relaxed: bool = False

    def values(self, verdicts: Sequence[Verdict]) -> list[float]:
        """The numbers of the molecules that have one."""
        return [value for value in map(self.of, verdicts) if value is not None]


def _descriptor(name: str) -> Callable[[Verdict], float | None]:
    return lambda verdict: None if verdict.descriptors is None else float(getattr(verdict.descriptors, name))


def _detail(name: str) -> Callable[[Verdict], float | None]:
    def of(verdict: Verdict) -> float | None:
        found = None if verdict.strain is None else verdict.strain.details.get(name)
        return None if found is None else float(found)

    return of


QUANTITIES: Final = (
    Quantity("atoms", lambda verdict: float(verdict.n_atoms), low=0.0),
    Quantity("fragments", lambda verdict: float(verdict.fragments) or None, low=1.0),
    Quantity(
        "largest_fragment_share", lambda verdict: verdict.largest_share or None, low=0.0, high=1.0, bins=Bins(0, 1, 50)
    ),
    Quantity(ENERGY, lambda verdict: verdict.energy, "kcal/mol", bins=ENERGY_BINS),
    Quantity("qed", _descriptor("qed"), low=0.0, high=1.0, bins=Bins(0, 1, 50)),
    Quantity("log_p", _descriptor("log_p"), bins=Bins(-5, 10, 75)),
    Quantity("sa_score", _descriptor("sa_score"), low=1.0, high=10.0, bins=Bins(1, 10, 90)),
    Quantity(
        "strain",
        lambda verdict: None if verdict.strain is None else verdict.strain.value,
        "kcal/mol",
        low=0.0,
        bins=Bins(0, 150, 75),
        relaxed=True,
    ),
    Quantity("rmsd_heavy", _detail(RMSD_HEAVY), "Å", low=0.0, bins=Bins(0, 3, 60), relaxed=True),
    Quantity("rmsd_all", _detail(RMSD_ALL), "Å", low=0.0, bins=Bins(0, 3, 60), relaxed=True),
)

COMPARED: Final = {
    one.name: one.bins
    for one in QUANTITIES
    if one.bins is not None and one.name not in (ENERGY, "largest_fragment_share")
}
"""The bins of those whose distance from a reference is Wasserstein's; training molecules are in one piece."""

UNITS: Final = {one.name: one.unit for one in QUANTITIES}
"""Of every quantity; empty for pure numbers."""


def asked(verdicts: Sequence[Verdict]) -> list[Quantity]:
    """The quantities that the verdicts can have: those of relaxed molecules only if some were to be relaxed."""
    relaxed = any(verdict.strain is not None for verdict in verdicts)
    return [one for one in QUANTITIES if relaxed or not one.relaxed]
