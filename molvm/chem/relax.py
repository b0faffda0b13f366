"""Relaxation of a molecule to convergence with GFN-FF."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from molvm.chem.engines.base import Array
from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.molecule import Molecule
from molvm.chem.topology import changed_bonds
from molvm.chem.trust_region import Criteria, Minimum, minimise
from molvm.chem.units import ANGSTROM_PER_BOHR

__all__ = ["Criteria", "Relaxation", "finished", "relax"]

CORRECTIONS = 2
"""Gradients spent on bending a long step, by measurement: Hessians fall from 27 to 12 a drug-like molecule."""


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Where a relaxation ended.

    Args:
        positions: (n, 3) positions in Å.
        start_energy: Energy of the geometry it began with, Eh.
        energy: Energy, Eh.
        gradient_norm: Euclidean norm of the whole gradient, Eh/a₀.
        converged: Whether the criteria are met.
        n_steps: Accepted and refused steps.
        n_gradients: Evaluations of energy and gradient.
        n_hessians: Of the Hessian.
        changed_bonds: Pairs of atoms whose distance contradicts the molecule's bond graph.
        seconds: Wall time.
    """

    positions: Array
    start_energy: float
    energy: float
    gradient_norm: float
    converged: bool
    n_steps: int
    n_gradients: int
    n_hessians: int
    changed_bonds: tuple[tuple[int, int], ...]
    seconds: float


def relax(molecule: Molecule, criteria: Criteria | None = None, charge: int | None = None) -> Relaxation:
    """Relax a molecule with GFN-FF.

    Args:
        molecule: A sound molecule (`molvm.chem.validity.SOUND`).
        criteria: When to stop.
        charge: Total charge in elementary charges; None for the sum of the formal charges.

    Returns:
        The relaxation, converged or not; look at `converged` and `changed_bonds`.

    Raises:
        EngineError: The force field cannot be set up, or failed on the way.
    """
    started = time.perf_counter()
    positions = molecule.positions / ANGSTROM_PER_BOHR
    force_field = GFNFF(molecule.elements, positions, molecule.charge if charge is None else charge)
    minimum = minimise(force_field, positions, criteria or Criteria(), corrections=CORRECTIONS)
    return finished(molecule, minimum, minimum.start_energy, started)


def finished(molecule: Molecule, minimum: Minimum, start_energy: float, started: float) -> Relaxation:
    """The relaxation of a molecule that ended there.

    Args:
        molecule: Whose bonds are to be kept.
        minimum: Where the search ended.
        start_energy: Energy of the molecule's own geometry by the same method, Eh.
        started: `time.perf_counter()` when it began.
    """
    relaxed = minimum.positions * ANGSTROM_PER_BOHR
    return Relaxation(
        positions=relaxed,
        start_energy=start_energy,
        energy=minimum.energy,
        gradient_norm=float(np.linalg.norm(minimum.gradient)),
        converged=minimum.converged,
        n_steps=minimum.n_steps,
        n_gradients=minimum.n_gradients,
        n_hessians=minimum.n_hessians,
        changed_bonds=tuple(changed_bonds(molecule, relaxed)),
        seconds=time.perf_counter() - started,
    )
