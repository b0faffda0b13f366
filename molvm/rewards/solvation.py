"""Solvation free energy from two single points (ALPB: Ehlert et al., J. Chem. Theory Comput. 2021, 17, 4250)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.units import KCAL_PER_MOL_PER_HARTREE
from molvm.errors import RewardError
from molvm.rewards.base import Direction
from molvm.rewards.computed import Computed, Details, factory
from molvm.rewards.pipeline import Pipeline

SOLVATION_RANGE = (-400.0, 50.0)
"""kcal/mol; singly charged ions have about -70, doubly charged ones four times that, and cavities cost tens."""


@dataclass(frozen=True)
class SolvationEnergy(Computed):
    """Free energy of solvation at the geometry relaxed in vacuum, kcal/mol; negative where the solvent is preferred.

    Energy with ALPB less energy without, 1 mol/l in both phases. A failure counts as the worst of a base batch.
    """

    name: str = "solvation_energy"
    unit: str = "kcal/mol"
    direction: Direction = "minimise"
    pipeline: Pipeline = field(default_factory=lambda: Pipeline(solvent="water"))

    def measure(self, molecule: Molecule, relaxation: Relaxation) -> tuple[float, Details]:
        """Free energy of solvation in kcal/mol; the details are those of the single point in the solvent.

        Raises:
            StageFailure: The engine failed, or the energy is out of range.
        """
        dissolved = self.point(molecule, relaxation)
        free = self.point(molecule, relaxation, replace(self.pipeline, solvent=None).calculator())
        value = (dissolved.electronic.energy - free.electronic.energy) * KCAL_PER_MOL_PER_HARTREE
        return self.within(value, *SOLVATION_RANGE), dissolved.details()

    def check(self) -> None:
        """Refuse vacuum.

        Raises:
            RewardError: There is no solvent.
        """
        super().check()
        if self.pipeline.solvent is None:
            raise RewardError(f"The reward {self.name!r} needs a solvent.", remedy="solvent=water")


solvation_energy = factory(SolvationEnergy, solvent="water")
