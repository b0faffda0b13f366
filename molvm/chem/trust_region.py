"""Minimisation by Newton steps within a trust region.

A force field's exact Hessian costs about seven gradients and removes what makes plain quasi-Newton methods slow for
molecules: bonds are four orders of magnitude stiffer than torsions. Cartesian L-BFGS needs some 700 gradients for the
same criteria; stopping it early instead moves the median dipole of drug-like molecules by 0.6 D.

A torsion turns atoms on circles, and a straight step leaves them: it stretches bonds. So a long step is bent back, by
one or two gradients and the Hessian that is there, before it is judged; half as many Hessians are needed then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molvm.chem.engines.base import Array, CurvedForceField
from molvm.chem.quadratic_model import QuadraticModel

LONG_STEP = 0.03
"""A root mean square over the atoms in a₀, beyond which steps are bent."""


@dataclass(frozen=True)
class Criteria:
    """When a relaxation is done; the defaults are those of `xtb --opt normal`.

    Args:
        energy: Largest change of the energy in the last step, Eh.
        gradient: Largest Euclidean norm of the whole (3n) gradient, Eh/a₀.
        max_steps: After how many steps to give up.
    """

    energy: float = 5e-6
    gradient: float = 1e-3
    max_steps: int = 300


@dataclass(frozen=True)
class TrustRegion:
    """How far a step may go, as a root mean square over the atoms in a₀.

    Args:
        initial: At the start.
        largest: Ever; larger steps leave the basin the molecule started in.
        smallest: Below it, the energy is as low as its rounding allows, and the search ends.
    """

    initial: float = 0.2
    largest: float = 0.8
    smallest: float = 1e-7


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where `minimise` ended: positions and gradient (n, 3) in atomic units, energies in Eh, and what it took.

    Args:
        positions: (n, 3), a₀.
        start_energy: Eh.
        energy: Eh.
        gradient: (n, 3), Eh/a₀.
        converged: Whether the criteria are met.
        n_steps: Accepted and refused steps.
        n_gradients: Evaluations of energy and gradient.
        n_hessians: Of the Hessian.
    """

    positions: Array
    start_energy: float
    energy: float
    gradient: Array
    converged: bool
    n_steps: int
    n_gradients: int
    n_hessians: int


class _Counted:
    """A force field that counts what it is asked."""

    def __init__(self, force_field: CurvedForceField) -> None:
        self._force_field = force_field
        self.n_gradients = self.n_hessians = 0

    def energy_and_gradient(self, positions: Array) -> tuple[float, Array]:
        """As the force field's own."""
        self.n_gradients += 1
        return self._force_field.energy_and_gradient(positions)

    def hessian(self, positions: Array) -> Array:
        """As the force field's own."""
        self.n_hessians += 1
        return self._force_field.hessian(positions)


def minimise(
    force_field: CurvedForceField,
    positions: Array,
    criteria: Criteria,
    trust: TrustRegion | None = None,
    corrections: int = 0,
) -> Minimum:
    """Minimise a force field by trust-region Newton steps (Nocedal and Wright, Numerical Optimization, ch. 4).

    Args:
        force_field: Energy, gradient and Hessian.
        positions: (n, 3) start in a₀.
        criteria: When to stop.
        trust: How far a step may go.
        corrections: How often a long step is bent back, at the cost of a gradient each. Worth it where a Hessian costs
            more than that.

    Returns:
        The last accepted point.

    Raises:
        EngineError: The force field failed on the way.
    """
    trust, surface = trust or TrustRegion(), _Counted(force_field)
    scale = np.sqrt(len(positions))
    radius = trust.initial * scale
    energy, gradient = surface.energy_and_gradient(positions)
    start_energy, converged, steps = energy, False, 0
    model = QuadraticModel.at(positions, gradient, surface.hessian(positions))
    while not converged and steps < criteria.max_steps and radius >= trust.smallest * scale:
        steps += 1
        step, predicted = model.step(radius)
        length = float(np.linalg.norm(step))
        for _ in range(corrections if length > LONG_STEP * scale else 0):
            step = step + model.correction(surface.energy_and_gradient(positions + step)[1])
        new_energy, new_gradient = surface.energy_and_gradient(positions + step)
        change = new_energy - energy
        # Rounding may lift the energy of a converged point by less than the criterion; that is no refusal.
        if change > 0.1 * criteria.energy:
            radius = 0.25 * length
            continue
        radius = _next_radius(radius, length, change / predicted if predicted < 0 else 1.0, trust.largest * scale)
        positions, energy, gradient = positions + step, new_energy, new_gradient
        converged = abs(change) <= criteria.energy and float(np.linalg.norm(gradient)) <= criteria.gradient
        if not converged:
            model = QuadraticModel.at(positions, gradient, surface.hessian(positions))
    return Minimum(positions, start_energy, energy, gradient, converged, steps, surface.n_gradients, surface.n_hessians)


def _next_radius(radius: float, length: float, quality: float, largest: float) -> float:
    """How far the next step may go, by how much of the predicted change the last one, of this length, brought."""
    if quality > 0.75:
        return min(largest, max(radius, 2.0 * length))
    return 0.5 * length if quality < 0.25 else radius
