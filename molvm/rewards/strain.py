"""How much energy a geometry gives up when it is relaxed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.units import KCAL_PER_MOL_PER_HARTREE
from molvm.errors import RewardError
from molvm.rewards.base import Direction
from molvm.rewards.computed import Computed, Details, relaxation_factory

LARGEST_STRAIN = 120.0
"""kcal/mol an atom: what it takes to tear a molecule into atoms. More is no strain."""

ROUNDING = 0.01
"""kcal/mol; how much a relaxation may end above its start when it began at the minimum."""


def strain_energy(relaxation: Relaxation) -> float:
    """Energy of the given geometry less that of the relaxed one, in kcal/mol, by the relaxation's method."""
    return (relaxation.start_energy - relaxation.energy) * KCAL_PER_MOL_PER_HARTREE


@dataclass(frozen=True)
class StrainEnergy(Computed):
    """Energy that a molecule gives up when it is relaxed, kcal/mol, by the method that relaxes it; 0 at a minimum.

    Molecules whose bonds change on the way are failures. When it is maximised, a failure counts as
    0, else as the worst of a base batch.
    """

    name: str = "strain"
    unit: str = "kcal/mol"
    direction: Direction = "minimise"
    smallest: ClassVar[float | None] = 0.0

    def packages(self) -> tuple[str, ...]:
        """What must be installed to relax; there is no single point."""
        return self.pipeline.relaxer_packages()

    def measure(self, molecule: Molecule, relaxation: Relaxation) -> tuple[float, Details]:
        """Strain in kcal/mol.

        Raises:
            StageFailure: It is negative, or more than `LARGEST_STRAIN` an atom.
        """
        strain = strain_energy(relaxation)
        value = 0.0 if -ROUNDING <= strain < 0.0 else strain
        return self.within(value, 0.0, LARGEST_STRAIN * molecule.n_atoms), {}

    def check(self) -> None:
        """Refuse pipelines that relax nothing.

        Raises:
            RewardError: It does not relax.
        """
        super().check()
        if self.pipeline.relaxation == "none":
            raise RewardError(
                f"The reward {self.name!r} compares a geometry with its relaxed one, and the relaxation is 'none'.",
                allowed="gfnff, gfn2, mmff or external",
            )


strain = relaxation_factory(StrainEnergy)
