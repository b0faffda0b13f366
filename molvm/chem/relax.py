"""Relaxation of a molecule to convergence with GFN-FF, or with any other force field."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from molvm.chem.engines.base import Array, ForceField
from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.minimiser import Criteria, Minimum, minimise
from molvm.chem.model_hessian import ModelHessian
from molvm.chem.molecule import Molecule
from molvm.chem.topology import changed_bonds
from molvm.chem.units import ANGSTROM_PER_BOHR

__all__ = ["Criteria", "Relaxation", "relax", "relax_on"]

SAME_FORCE_FIELD = 1e-4
"""Eh. GFN-FF perceives bonds, π systems and hydrogen bonds where it is set up. Two that differ in hydrogen bonds alone
are nearer than this at one geometry, and those with other bonds further apart."""

PERCEPTIONS = 3
"""How often it is set up at most."""

FLAT = 1e-3
"""Å, root mean square out of a line or a plane, or between distances that a symmetry makes equal."""

NUDGE = 0.1
"""a₀, root mean square a coordinate, by which a flat or symmetric minimum is moved to see whether it is one."""

SAME_MINIMUM = 1e-4
"""Eh. Two ends of relaxations to the default criteria that are nearer than this are one."""


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
    """Relax a molecule with GFN-FF, set up anew where the minimum has other bonds than the start.

    A force field that was set up for a squeezed or torn molecule keeps bonds that are not there, and its minimum is
    hundreds of kcal/mol too high.

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
    criteria = criteria or Criteria()
    relaxation = relax_on(force_field, molecule, criteria, started=started)
    for _ in range(PERCEPTIONS - 1):
        if not relaxation.converged:
            break
        minimum = relaxation.positions / ANGSTROM_PER_BOHR
        force_field = GFNFF(molecule.elements, minimum, total)
        if abs(force_field.energy_and_gradient(minimum)[0] - relaxation.energy) < SAME_FORCE_FIELD:
            break
        again = relax_on(force_field, molecule, criteria, minimum, started)
        relaxation = replace(again, n_steps=relaxation.n_steps + again.n_steps)
    return relaxation


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
    minimum = _minimum(surface, molecule, start, criteria)
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


def _minimum(surface: ForceField, molecule: Molecule, start: Array, criteria: Criteria) -> Minimum:
    """Where the energy is lowest near the start (n, 3) in a₀, and no saddle that symmetry keeps the atoms on."""
    minimum = minimise(surface, start, ModelHessian.of(molecule.elements, molecule.bonds, start), criteria)
    if not (minimum.converged and (_is_flat(minimum.positions) or _is_symmetric(molecule, minimum.positions))):
        return minimum
    nudged = minimum.positions + NUDGE * np.random.default_rng(0).normal(size=start.shape)
    other = minimise(surface, nudged, ModelHessian.of(molecule.elements, molecule.bonds, nudged), criteria)
    lower = other if minimum.energy - other.energy > SAME_MINIMUM else minimum
    return replace(lower, n_steps=minimum.n_steps + other.n_steps)


def _is_flat(positions: Array) -> bool:
    """Whether three or more atoms (n, 3) in a₀ are in a line, or four or more in a plane.

    Nothing pushes them out of it: drawn flat, ammonia would stay flat, and water with its atoms in a line straight.
    """
    if len(positions) < 3:
        return False
    spread = np.linalg.svd(positions - positions.mean(axis=0), compute_uv=False) / np.sqrt(len(positions))
    return bool(spread[2 if len(positions) > 3 else 1] * ANGSTROM_PER_BOHR < FLAT)


def _is_symmetric(molecule: Molecule, positions: Array) -> bool:
    """Whether two atoms have the same distances to all others, at positions (n, 3) in a₀.

    What a symmetry of the start forbids stays forbidden: ethylene that is twisted by 90 degrees does not untwist.
    """
    distances = np.sort(np.linalg.norm(positions[:, None, :] - positions[None, :, :], axis=-1), axis=1)
    distances, totals = distances * ANGSTROM_PER_BOHR, distances.sum(axis=1) * ANGSTROM_PER_BOHR
    same_element = molecule.elements[:, None] == molecule.elements[None, :]
    # Few pairs have equal sums, and only their distances need comparing.
    equal_sums = np.abs(totals[:, None] - totals[None, :]) < FLAT * len(positions)
    first, second = np.nonzero(np.triu(same_element & equal_sums, k=1))
    return bool((np.abs(distances[first] - distances[second]).max(axis=1) < FLAT).any())
