"""Frontier orbital energies of the relaxed molecule, from the xTB single point.

They are what the method gives, by Koopmans' argument a first guess at ionisation energy and electron affinity; compare
them with one another, not with measured ones.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from molvm.chem.engines.base import Electronic
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.units import EV_PER_HARTREE
from molvm.rewards.base import Direction
from molvm.rewards.computed import Computed, Details, factory
from molvm.rewards.stages import StageFailure

ORBITAL_RANGE = (-60.0, 30.0)
"""eV; of the frontier orbitals of molecules and of ions with a few charges. The deepest of a neutral one is the 1s of
helium; it has -24.6 eV, and each charge adds up to 14 eV."""

LARGEST_GAP = 60.0
"""eV; helium and neon, the largest there are, have about 30 to 40 in small bases."""


@dataclass(frozen=True)
class FrontierEnergy(Computed):
    """A quantity of the frontier orbitals, in eV."""

    unit: str = "eV"

    limits: ClassVar[tuple[float, float]] = ORBITAL_RANGE

    @abstractmethod
    def pick(self, electronic: Electronic) -> float:
        """The quantity in Eh; not a number where an orbital is missing."""

    def measure(self, molecule: Molecule, relaxation: Relaxation) -> tuple[float, Details]:
        """The quantity in eV.

        Raises:
            StageFailure: The engine failed, there is no such orbital in its basis, or it is out of range.
        """
        point = self.point(molecule, relaxation)
        value = self.pick(point.electronic) * EV_PER_HARTREE
        if value != value:
            raise StageFailure("failed", "orbitals", f"no orbital for the {self.name} in the basis")
        return self.within(value, *self.limits), point.details()


@dataclass(frozen=True)
class Homo(FrontierEnergy):
    """Energy of the highest occupied orbital of the relaxed molecule, eV; less negative is easier to oxidise.

    A failure counts as the worst of a base batch.
    """

    name: str = "homo"

    def pick(self, electronic: Electronic) -> float:
        """The HOMO in Eh."""
        return electronic.homo


@dataclass(frozen=True)
class Lumo(FrontierEnergy):
    """Energy of the lowest empty orbital of the relaxed molecule, eV; lower is easier to reduce.

    A failure counts as the worst of a base batch.
    """

    name: str = "lumo"
    direction: Direction = "minimise"

    def pick(self, electronic: Electronic) -> float:
        """The LUMO in Eh."""
        return electronic.lumo


@dataclass(frozen=True)
class Gap(FrontierEnergy):
    """Gap between the highest occupied and the lowest empty orbital of the relaxed molecule, eV.

    When it is maximised, a failure counts as 0, else as the worst of a base batch.
    """

    name: str = "gap"
    floor: float | None = 0.0
    smallest: ClassVar[float | None] = 0.0
    limits: ClassVar[tuple[float, float]] = (0.0, LARGEST_GAP)

    def pick(self, electronic: Electronic) -> float:
        """The gap in Eh."""
        return electronic.gap


homo, lumo, gap = factory(Homo), factory(Lumo), factory(Gap)
