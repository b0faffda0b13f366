"""Structural alerts: fragments that medicinal chemists have learned to distrust."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards.base import Direction, Outcome
from molvm.rewards.graph import GraphReward
from molvm.rewards.settings import checked_text

if TYPE_CHECKING:
    from rdkit import Chem
    from rdkit.Chem.FilterCatalog import FilterCatalog

DEFAULT_CATALOGUES = ("pains", "brenk")


@dataclass(frozen=True)
class Alerts(GraphReward):
    """The number of structural alerts in strictly valid molecules in one piece.

    Args:
        catalogues: Of RDKit, in lower case.
        name: Of the reward.
        unit: None, it is a count.
        direction: Less is better.
        floor: None: no number of alerts is the largest.
        cost: Seconds a molecule.
    """

    catalogues: tuple[str, ...] = DEFAULT_CATALOGUES
    name: str = "alerts"
    unit: str = ""
    direction: Direction = "minimise"
    floor: float | None = None
    cost: float = 0.004

    @property
    def note(self) -> str:
        """The settings, for people."""
        return "catalogues " + ", ".join(self.catalogues)

    def measure(self, graph: Chem.Mol) -> float:
        """The number of alerts."""
        return len(self.found(graph))

    def found(self, graph: Chem.Mol) -> list[str]:
        """The names of the alerts."""
        return [str(match.GetDescription()) for match in _catalogue(self.catalogues).GetMatches(graph)]

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The number of alerts, with their names in the detail `alerts`, or the check that was not passed."""
        graph = self.graph(molecule)
        if isinstance(graph, Outcome):
            return graph
        found = self.found(graph)
        return self.succeed(molecule, float(len(found)), {"alerts": ", ".join(found)})


def alerts(*catalogues: str) -> Alerts:
    """Number of structural alerts in the catalogues of RDKit, PAINS and BRENK if none is named; less is better.

    PAINS interfere with assays (Baell and Holloway, J. Med. Chem. 2010, 53, 2719); BRENK are reactive, toxic or
    unstable (Brenk et al., ChemMedChem 2008, 3, 435).

    Args:
        catalogues: Their names, as in `alerts(pains, nih)`.

    Raises:
        RewardError: There is no catalogue of that name.
    """
    chosen = tuple(checked_text("catalogues", each).lower() for each in catalogues) or DEFAULT_CATALOGUES
    unknown = [each for each in chosen if each not in catalogue_names()]
    if unknown:
        raise RewardError(
            f"There is no catalogue of alerts named {unknown[0]!r}.", allowed=", ".join(catalogue_names())
        )
    return Alerts(chosen)


def catalogue_names() -> list[str]:
    """The catalogues that RDKit has, in lower case, sorted."""
    from rdkit.Chem.FilterCatalog import FilterCatalogParams

    return sorted(name.lower() for name in FilterCatalogParams.FilterCatalogs.names)


@lru_cache(maxsize=8)
def _catalogue(names: tuple[str, ...]) -> FilterCatalog:
    from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

    chosen = FilterCatalogParams()
    known = {name.lower(): catalogue for name, catalogue in FilterCatalogParams.FilterCatalogs.names.items()}
    for name in names:
        chosen.AddCatalog(known[name])
    return FilterCatalog(chosen)
