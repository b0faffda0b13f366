"""Static polarisability by finite electric fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from molvm.chem.engines.tblite import TBLite
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.units import ANGSTROM_PER_BOHR
from molvm.errors import RewardError
from molvm.rewards.computed import Computed, Details, factory

FIELD = 1e-3
"""Eh/(e·a₀), up and down along each axis. Half of it changes water's polarisability by 5e-6 a₀³, twice the rounding."""

MARGIN = 3.0
"""Å; how far electrons reach beyond the nuclei, generously: the largest van der Waals radii are near it."""


@dataclass(frozen=True)
class Polarisability(Computed):
    """Isotropic static polarisability of the relaxed molecule at fixed nuclei, a.u. (a₀³; 1 Å³ is 6.748).

    A third of the trace of the derivative of the dipole by an electric field, from six single points. xTB's basis is
    small, so first-row molecules get too little (water 2.5, measured 9.8; benzene 41, 68) and argon, which has
    d functions, too much (51, 11): it orders similar molecules and predicts nothing. When it is maximised, a failure
    counts as 0, else as the worst of a base batch.
    """

    name: str = "polarisability"
    unit: str = "a.u."
    floor: float | None = 0.0
    smallest: ClassVar[float | None] = 0.0

    def measure(self, molecule: Molecule, relaxation: Relaxation) -> tuple[float, Details]:
        """A third of the trace of the polarisability tensor, a₀³.

        Raises:
            StageFailure: The engine failed, or the value is not between 0 and `largest_polarisability`.
        """
        slopes = []
        for axis in range(3):
            up, down = (self._dipole(molecule, relaxation, axis, strength) for strength in (FIELD, -FIELD))
            slopes.append((up - down) / (2 * FIELD))
        return self.within(float(np.mean(slopes)), 0.0, largest_polarisability(relaxation)), {}

    def _dipole(self, molecule: Molecule, relaxation: Relaxation, axis: int, strength: float) -> float:
        x, y, z = (strength if each == axis else 0.0 for each in range(3))
        settings = self.pipeline
        engine = TBLite(settings.single_point, settings.solvent, settings.spin, (x, y, z))
        return float(self.point(molecule, relaxation, engine).electronic.dipole[axis])

    def check(self) -> None:
        """Refuse engines without electric fields.

        Raises:
            RewardError: It is not tblite.
        """
        super().check()
        if self.pipeline.engine != "tblite":
            raise RewardError(
                f"The reward {self.name!r} needs electric fields, which the engine {self.pipeline.engine!r} lacks.",
                remedy="engine=tblite",
            )


def largest_polarisability(relaxation: Relaxation) -> float:
    """The physical bound in a₀³: that of a conducting sphere around the molecule, its radius cubed."""
    centred = relaxation.positions - relaxation.positions.mean(axis=0)
    radius = float(np.linalg.norm(centred, axis=1).max()) + MARGIN
    return (radius / ANGSTROM_PER_BOHR) ** 3


polarisability = factory(Polarisability)
