"""The dipole moment: checks, relaxation with GFN-FF to convergence, GFN2-xTB single point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from molvm.chem.engines.base import SinglePoint
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria, Relaxation
from molvm.chem.units import DEBYE_PER_ATOMIC_UNIT, DEBYE_PER_ELEMENTARY_CHARGE_ANGSTROM
from molvm.rewards.computed import Computed, Details, factory
from molvm.rewards.stages import StageFailure

MAX_SEPARATED_CHARGE = 1.0
"""Elementary charges; a larger dipole than that of one charge carried across the whole molecule is no property of a
neutral molecule in one piece. Zwitterionic glycine, a strong case, has about half of it."""


@dataclass(frozen=True)
class Dipole(Computed):
    """Dipole moment |μ| in debye of the relaxed molecule, for neutral molecules in one piece.

    The dipole of an ion depends on the origin, so ions are turned away. Sulfoxides, alkyl azides and some diazo
    compounds differ from what the `xtb` program says, sulfoxides by 0.45 D, because their GFN-FF geometries do. The
    details are `gfnff_energy` and `energy` (Eh), `gap` (eV), `gradient_norm` (Eh/a₀), `relaxation_steps`,
    `relaxation_seconds` and `single_point_seconds`.

    Args:
        engine: A single point of one's own in place of the pipeline's.
        criteria: When the relaxation is converged, in place of the pipeline's.
    """

    name: str = "dipole"
    unit: str = "D"
    floor: float | None = 0.0
    engine: SinglePoint | None = None
    criteria: Criteria | None = None

    neutral_only: ClassVar[bool] = True
    smallest: ClassVar[float | None] = 0.0

    def __post_init__(self) -> None:
        if self.criteria is not None:
            object.__setattr__(self, "pipeline", replace(self.pipeline, criteria=self.criteria))

    @property
    def cached_as(self) -> str | None:
        """Nothing, for an engine of one's own: what it says of itself need not tell it from another."""
        return super().cached_as if self.engine is None else None

    def measure(self, molecule: Molecule, relaxation: Relaxation) -> tuple[float, Details]:
        """|μ| in debye.

        Raises:
            StageFailure: The engine failed or gives no dipole, or the dipole is larger than `largest_dipole`.
        """
        point = self.point(molecule, relaxation, self.engine)
        if np.isnan(point.electronic.dipole).any():
            raise StageFailure("failed", "dipole", "the engine gives no dipole")
        value = float(np.linalg.norm(point.electronic.dipole)) * DEBYE_PER_ATOMIC_UNIT
        largest = largest_dipole(relaxation)
        if not value <= largest:
            raise StageFailure("failed", "range", f"a dipole of {value:.3g} D, above {largest:.3g} D")
        return value, point.details()


def largest_dipole(relaxation: Relaxation) -> float:
    """The physical bound in debye: `MAX_SEPARATED_CHARGE` across the longest distance in the molecule."""
    gaps = relaxation.positions[:, None, :] - relaxation.positions[None, :, :]
    diameter = float(np.sqrt(np.einsum("ijk,ijk->ij", gaps, gaps).max()))
    return MAX_SEPARATED_CHARGE * diameter * DEBYE_PER_ELEMENTARY_CHARGE_ANGSTROM


dipole = factory(Dipole)
