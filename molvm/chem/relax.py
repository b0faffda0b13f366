"""Relaxation of a molecule to convergence with GFN-FF, or with any other force field."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from molvm.chem.engines.base import Array, ForceField
from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.minimiser import Criteria, minimise
from molvm.chem.model_hessian import ModelHessian
from molvm.chem.molecule import Molecule
from molvm.chem.topology import changed_bonds
from molvm.chem.units import ANGSTROM_PER_BOHR

__all__ = ["Criteria", "Relaxation", "relax", "relax_on"]


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Where a relaxation ended.

    Args:
        positions: (n, 3) positions in Å.
        start_energy: Energy of the molecule's own geometry, Eh.
        energy: Energy, Eh.
        gradient_norm: Euclidean norm of the whole gradient, Eh/a₀.
        converged: Whether the criteria are met.
        n_steps: Accepted and refused steps, each an energy and a gradient.
        changed_bonds: Pairs of atoms whose distance contradicts the molecule's bond graph.
        seconds: Wall time.
    """

    positions: Array
    start_energy: float
    energy: float
    gradient_norm: float
    converged: bool
    n_steps: int
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
    total = molecule.charge if charge is None else charge
    force_field = GFNFF(molecule.elements, molecule.positions / ANGSTROM_PER_BOHR, total)
    return relax_on(force_field, molecule, criteria or Criteria(), started=started)


def relax_on(
    surface: ForceField,
    molecule: Molecule,
    criteria: Criteria,
    start: Array | None = None,
    started: float | None = None,
) -> Relaxation:
    """Relax a molecule on any surface.

    Args:
        surface: The molecule's energies.
        molecule: Whose bonds model the curvature, and are to be kept.
        criteria: When to stop.
        start: (n, 3) positions in a₀ to begin at; the molecule's own where they are not given or have a lower energy,
            because a molecule that is at a minimum already should stay there.
        started: `time.perf_counter()` when the work began, if that was before.

    Raises:
        EngineError: The surface failed on the way.
    """
    started = time.perf_counter() if started is None else started
    given = molecule.positions / ANGSTROM_PER_BOHR
    start_energy, _ = surface.energy_and_gradient(given)
    if start is None or surface.energy_and_gradient(start)[0] >= start_energy:
        start = given
    minimum = minimise(surface, start, ModelHessian.of(molecule.elements, molecule.bonds, start), criteria)
    relaxed = minimum.positions * ANGSTROM_PER_BOHR
    return Relaxation(
        positions=relaxed,
        start_energy=start_energy,
        energy=minimum.energy,
        gradient_norm=float(np.linalg.norm(minimum.gradient)),
        converged=minimum.converged,
        n_steps=minimum.n_steps,
        changed_bonds=tuple(changed_bonds(molecule, relaxed)),
        seconds=time.perf_counter() - started,
    )
