"""Static isotropic polarisability by D4's atoms in molecules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from molvm.chem.engines.d4 import atomic_polarisabilities
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.units import ANGSTROM_PER_BOHR
from molvm.errors import EngineError
from molvm.rewards.computed import Computed, Details, relaxation_factory
from molvm.rewards.stages import StageFailure

SMALLEST_PER_ATOM, LARGEST_PER_ATOM = 0.1, 500.0
"""a₀³; the lithium cation has 0.19, the caesium atom, the softest there is, 400 (Schwerdtfeger and Nagle, Mol. Phys.
2019, 117, 1200)."""


@dataclass(frozen=True)
class Polarisability(Computed):
    """Static isotropic polarisability of the relaxed molecule in a₀³ (1 a₀³ = 0.148 Å³), by D4; it grows with the size.

    The sum of the polarisabilities that D4 gives the atoms by their coordination and charge. Against measured values of
    14 small molecules, GFN-FF geometries: mean absolute error 3.8 %, mean error 0.1 %; CO2 and N2 come out a tenth too
    large. The bare cations of single atoms are far off; spin makes no difference. Needs the extra d4. When it is
    maximised, a failure counts as 0, else as the worst of a base batch.
    """

    name: str = "polarisability"
    unit: str = "a₀³"
    floor: float | None = 0.0

    smallest: ClassVar[float | None] = 0.0

    def packages(self) -> tuple[str, ...]:
        """What must be installed to relax, and D4; there is no single point."""
        return (*self.pipeline.relaxer_packages(), "dftd4")

    def measure(self, molecule: Molecule, relaxation: Relaxation) -> tuple[float, Details]:
        """Polarisability in a₀³.

        Raises:
            StageFailure: D4 failed, or the polarisability is out of range.
        """
        positions = relaxation.positions / ANGSTROM_PER_BOHR
        try:
            atoms = atomic_polarisabilities(molecule.elements, positions, self.pipeline.total_charge(molecule))
        except EngineError as error:
            raise StageFailure("failed", "polarisability", str(error)) from error
        n = molecule.n_atoms
        return self.within(float(atoms.sum()), SMALLEST_PER_ATOM * n, LARGEST_PER_ATOM * n), {}


polarisability = relaxation_factory(Polarisability)
