"""The dipole moment: checks, relaxation with GFN-FF to convergence, GFN2-xTB single point."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import numpy as np

from molvm.chem.engines.base import Electronic, SinglePoint
from molvm.chem.engines.tblite import TBLite
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria, Relaxation, relax
from molvm.chem.units import (
    ANGSTROM_PER_BOHR,
    DEBYE_PER_ATOMIC_UNIT,
    DEBYE_PER_ELEMENTARY_CHARGE_ANGSTROM,
    EV_PER_HARTREE,
)
from molvm.chem.validity import CLOSED_SHELL, SOUND
from molvm.errors import EngineError, MissingDependencyError
from molvm.rewards.base import Direction, MoleculeReward, Outcome

GATE = SOUND + CLOSED_SHELL

ENGINE_PACKAGES = ("gfnff", "tblite")

MAX_SEPARATED_CHARGE = 1.0
"""Elementary charges; a larger dipole than that of one charge carried across the whole molecule is no property of a
neutral molecule in one piece. Zwitterionic glycine, a strong case, has about half of it."""


@dataclass(frozen=True)
class Dipole(MoleculeReward):
    """|μ| in debye of the relaxed molecule, for neutral closed-shell molecules in one piece.

    Args:
        engine: The single point.
        criteria: When the relaxation is converged.
        keep_positions: Whether outcomes carry the relaxed positions.
    """

    name: str = "dipole"
    unit: str = "D"
    direction: Direction = "maximise"
    floor: float | None = 0.0
    engine: SinglePoint = field(default_factory=TBLite)
    criteria: Criteria = field(default_factory=Criteria)
    keep_positions: bool = False
    cost: float = 0.3

    def evaluate(self, molecule: Molecule) -> Outcome:
        """|μ| in debye, or the check or step that the molecule did not pass.

        The details are `gfnff_energy` and `energy` (Eh), `gap` (eV), `gradient_norm` (Eh/a₀), `relaxation_steps`,
        `relaxation_seconds` and `single_point_seconds`.
        """
        rejection = GATE(molecule)
        if rejection is not None:
            return self.fail(molecule, rejection.kind, rejection.check, rejection.reason)
        try:
            relaxation = relax(molecule, self.criteria)
        except EngineError as error:
            return self.fail(molecule, "failed", "relaxation", str(error))
        problem = self._problem(molecule, relaxation)
        if problem is not None:
            return problem
        started = time.perf_counter()
        try:
            electronic = self.engine(molecule.elements, relaxation.positions / ANGSTROM_PER_BOHR, molecule.charge)
        except EngineError as error:
            return self.fail(molecule, "failed", "single point", str(error))
        return self._report(molecule, relaxation, electronic, time.perf_counter() - started)

    def _problem(self, molecule: Molecule, relaxation: Relaxation) -> Outcome | None:
        if not relaxation.converged:
            return self.fail(
                molecule,
                "failed",
                "relaxation",
                f"not converged after {relaxation.n_steps} steps, gradient norm {relaxation.gradient_norm:.2g} Eh/a0",
            )
        if relaxation.changed_bonds:
            first, second = relaxation.changed_bonds[0]
            return self.fail(
                molecule, "rejected", "topology", f"relaxation changed the bond between atoms {first} and {second}"
            )
        return None

    def _report(
        self, molecule: Molecule, relaxation: Relaxation, electronic: Electronic, single_point_seconds: float
    ) -> Outcome:
        dipole = float(np.linalg.norm(electronic.dipole)) * DEBYE_PER_ATOMIC_UNIT
        largest = largest_dipole(relaxation)
        if not dipole <= largest:
            return self.fail(molecule, "failed", "range", f"a dipole of {dipole:.3g} D, above {largest:.3g} D")
        details: dict[str, float | str] = {
            "gfnff_energy": relaxation.energy,
            "gradient_norm": relaxation.gradient_norm,
            "relaxation_steps": float(relaxation.n_steps),
            "relaxation_seconds": relaxation.seconds,
            "energy": electronic.energy,
            "single_point_seconds": single_point_seconds,
        }
        if np.isfinite(electronic.gap):
            details["gap"] = electronic.gap * EV_PER_HARTREE
        outcome = self.succeed(molecule, dipole, details)
        return replace(outcome, positions=relaxation.positions) if self.keep_positions else outcome


def largest_dipole(relaxation: Relaxation) -> float:
    """The physical bound in debye: `MAX_SEPARATED_CHARGE` across the longest distance in the molecule."""
    gaps = relaxation.positions[:, None, :] - relaxation.positions[None, :, :]
    diameter = float(np.sqrt(np.einsum("ijk,ijk->ij", gaps, gaps).max()))
    return MAX_SEPARATED_CHARGE * diameter * DEBYE_PER_ELEMENTARY_CHARGE_ANGSTROM


def dipole(*, keep_positions: bool = False) -> Dipole:
    """Dipole moment of the molecule relaxed with GFN-FF, from GFN2-xTB.

    Args:
        keep_positions: Whether outcomes carry the relaxed positions, for a viewer.

    Raises:
        MissingDependencyError: An engine is not installed.
    """
    for package in ENGINE_PACKAGES:
        if find_spec(package) is None:
            raise MissingDependencyError(package, None, "The reward 'dipole'")
    return Dipole(keep_positions=keep_positions)
