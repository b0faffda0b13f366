"""One molecule looked at closely: relaxed, its strain, and its dipole as a vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from molvm.chem.engines.tblite import TBLite
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.relaxers import Relaxer
from molvm.chem.superpose import superposing
from molvm.chem.units import DEBYE_PER_ATOMIC_UNIT
from molvm.evaluation.strain import Strain
from molvm.rewards.base import Outcome
from molvm.rewards.stages import StageFailure, converged, single_point

AXES: Final = ("dipole_x", "dipole_y", "dipole_z")


@dataclass(frozen=True)
class Closeup(Strain):
    """`Strain`, with the relaxed positions superposed on the generated ones, and the dipole there in debye.

    A reward, so that a pool can evaluate it. The dipole of an ion depends on the origin and is left out; so is one that
    GFN2-xTB does not give.
    """

    name: str = "closeup"

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The strain in kcal/mol; the details are those of `Strain` and, where there is a dipole, `AXES`."""
        outcome = super().evaluate(molecule)
        if outcome.failure is not None:
            return outcome
        relaxer = Relaxer("gfnff", self.criteria)
        relaxation = converged(molecule, relaxer)
        rotation, translation = superposing(molecule, relaxation.positions)
        return replace(
            outcome,
            positions=relaxation.positions @ rotation.T + translation,
            details={**outcome.details, **_dipole(molecule, relaxer, relaxation, rotation)},
        )


def _dipole(
    molecule: Molecule, relaxer: Relaxer, relaxation: Relaxation, rotation: NDArray[np.float64]
) -> dict[str, float]:
    if molecule.charge:
        return {}
    try:
        point = single_point(molecule, relaxer, relaxation, TBLite(), 0)
    except StageFailure:
        return {}
    vector = rotation @ point.electronic.dipole * DEBYE_PER_ATOMIC_UNIT
    return dict(zip(AXES, vector.tolist(), strict=True)) if bool(np.isfinite(vector).all()) else {}


def dipole_of(details: Mapping[str, float | str]) -> NDArray[np.float64] | None:
    """(3,) the dipole in debye in the frame of the generated geometry, or None."""
    return np.array([float(details[axis]) for axis in AXES]) if set(AXES) <= set(details) else None
