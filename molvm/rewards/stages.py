"""The steps of a pipeline, each of which can fail by name, and each of which is computed once a molecule."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from molvm.chem.distance_bounds import contradicted_bounds
from molvm.chem.engines.base import Electronic, SinglePoint
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.relaxers import RELAXATION_METHODS, Relaxer
from molvm.chem.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE
from molvm.chem.validity import Gate
from molvm.errors import EngineError
from molvm.rewards.base import Failure, FailureKind
from molvm.rewards.memo import remembered


class StageFailure(Exception):  # noqa: N818 - no error: it carries a `Failure` to where an `Outcome` is made
    """A molecule did not get through a step."""

    def __init__(self, kind: FailureKind, stage: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = Failure(kind, stage, reason)


RELAXATION_SECONDS: Final = "relaxation_seconds"
SINGLE_POINT_SECONDS: Final = "single_point_seconds"

DETAIL_UNITS: Final = {
    "energy": "Eh",
    "gap": "eV",
    "gradient_norm": "Eh/a₀",
    RELAXATION_SECONDS: "s",
    SINGLE_POINT_SECONDS: "s",
    **{f"{method}_energy": "Eh" for method in RELAXATION_METHODS},
}
"""Of what `TimedSinglePoint.details` and `relaxation_details` tell; what is not here is a pure number."""


@dataclass(frozen=True, eq=False)
class TimedSinglePoint:
    """An electronic structure, and the wall time it took in seconds."""

    electronic: Electronic
    seconds: float

    def details(self) -> dict[str, float | str]:
        """`energy` (Eh), `single_point_seconds` and, where there is one, `gap` (eV)."""
        details: dict[str, float | str] = {"energy": self.electronic.energy, SINGLE_POINT_SECONDS: self.seconds}
        # Not a number equals nothing, itself neither.
        if self.electronic.gap == self.electronic.gap:
            details["gap"] = self.electronic.gap * EV_PER_HARTREE
        return details


def pass_gate(molecule: Molecule, gate: Gate) -> None:
    """Do nothing.

    Raises:
        StageFailure: The molecule does not pass.
    """
    rejection = gate(molecule)
    if rejection is not None:
        raise StageFailure(rejection.kind, rejection.check, rejection.reason)


def converged(molecule: Molecule, relaxer: Relaxer) -> Relaxation:
    """The converged relaxation, whatever became of the bonds.

    Raises:
        StageFailure: The method failed or did not converge.
    """
    try:
        relaxation = remembered(molecule, relaxer, lambda: relaxer(molecule))
    except EngineError as error:
        raise StageFailure("failed", "relaxation", str(error)) from error
    if not relaxation.converged:
        reason = f"not converged after {relaxation.n_steps} steps, gradient norm {relaxation.gradient_norm:.2g} Eh/a0"
        raise StageFailure("failed", "relaxation", reason)
    return relaxation


def relaxed(molecule: Molecule, relaxer: Relaxer) -> Relaxation:
    """The converged relaxation that kept all bonds, made none, and has the distances of such a molecule.

    Raises:
        StageFailure: The method failed or did not converge, the bonds changed, or a distance contradicts them.
    """
    relaxation = converged(molecule, relaxer)
    if relaxation.changed_bonds:
        first, second = relaxation.changed_bonds[0]
        how = "the geometry contradicts" if relaxer.method == "none" else "relaxation changed"
        raise StageFailure("rejected", "topology", f"{how} the bond between atoms {first} and {second}")
    contradiction = contradicted_bounds(molecule, relaxation.positions)
    if contradiction is not None:
        raise StageFailure("rejected", "shape", contradiction)
    return relaxation


def relaxation_details(relaxer: Relaxer, relaxation: Relaxation) -> dict[str, float | str]:
    """Energy by the relaxation's method (Eh), `gradient_norm` (Eh/a₀), `relaxation_steps`, `relaxation_seconds`."""
    if relaxer.method == "none":
        return {}
    return {
        f"{relaxer.method}_energy": relaxation.energy,
        "gradient_norm": relaxation.gradient_norm,
        "relaxation_steps": float(relaxation.n_steps),
        RELAXATION_SECONDS: relaxation.seconds,
    }


def single_point(
    molecule: Molecule, relaxer: Relaxer, relaxation: Relaxation, engine: SinglePoint, charge: int
) -> TimedSinglePoint:
    """The electronic structure at the relaxed positions.

    Args:
        molecule: The molecule.
        relaxer: What relaxed it.
        relaxation: How that ended.
        engine: Set up for it.
        charge: Total charge in elementary charges.

    Raises:
        StageFailure: The engine failed.
    """

    def compute() -> TimedSinglePoint:
        started = time.perf_counter()
        electronic = engine(molecule.elements, relaxation.positions / ANGSTROM_PER_BOHR, charge)
        return TimedSinglePoint(electronic, time.perf_counter() - started)

    try:
        return remembered(molecule, (relaxer, engine, charge), compute)
    except EngineError as error:
        raise StageFailure("failed", "single point", str(error)) from error
