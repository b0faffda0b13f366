"""Minimisation of a molecule's energy: limited-memory BFGS on a model Hessian that follows the molecule.

Nocedal and Wright, Numerical Optimization, algorithm 7.4, with the inverse of `ModelHessian` for its first guess. The
model takes away what makes the plain method slow for molecules, which needs some 700 gradients of a drug-like molecule:
it takes fewer than fifty. It is made anew when the atoms have moved, because bonds turn with them; the few last steps
remain, and correct it where a molecule is not as the model has it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from molvm.chem.engines.base import Array, ForceField
from molvm.chem.model_hessian import ModelHessian

MEMORY = 4
"""Steps that are remembered. By measurement 10 take a tenth more gradients, 30 a quarter more."""

LONGEST_STEP = 0.3
"""Root mean square over the atoms, a₀. Longer steps leave the basin that the molecule started in."""

SHORTEST_STEP = 1e-7
"""Likewise; below it the energy is as low as its rounding allows, and the search ends."""

STALE_AFTER = 0.3
"""Likewise, a displacement after which the model is made anew. That costs as much as three gradients of GFN-FF."""

SMALLEST_COSINE = 1e-3
"""A step and its change of gradient that are nearer to orthogonal than this would bring rounding into the memory."""


@dataclass(frozen=True)
class Criteria:
    """When a relaxation is done; the defaults are those of `xtb --opt normal`.

    Args:
        energy: Largest change of the energy in the last step, and largest change that the next one promises, Eh.
        gradient: Largest Euclidean norm of the whole (3n) gradient, Eh/a₀.
        max_steps: After how many steps to give up.
    """

    energy: float = 5e-6
    gradient: float = 1e-3
    max_steps: int = 1000


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where `minimise` ended: positions and gradient (n, 3) in atomic units, energy in Eh, and what it took.

    Args:
        positions: (n, 3), a₀.
        energy: Eh.
        gradient: (n, 3), Eh/a₀.
        converged: Whether the criteria are met.
        n_steps: Accepted and refused steps.
    """

    positions: Array
    energy: float
    gradient: Array
    converged: bool
    n_steps: int


def minimise(force_field: ForceField, positions: Array, model: ModelHessian, criteria: Criteria) -> Minimum:
    """Minimise the energy of a molecule.

    Args:
        force_field: Energy and gradient.
        positions: (n, 3) start in a₀.
        model: Of its curvature.
        criteria: When to stop.

    Returns:
        The last accepted point.

    Raises:
        EngineError: The force field failed on the way.
    """
    scale = float(np.sqrt(len(positions)))
    energy, gradient = force_field.energy_and_gradient(positions)
    change, steps, radius = np.inf, 0, LONGEST_STEP * scale
    curvature = _Curvature(model, positions)
    while True:
        step = curvature.step(positions, gradient)
        promise = -0.5 * float(step.ravel() @ gradient.ravel())
        flat = float(np.linalg.norm(gradient)) <= criteria.gradient
        converged = flat and abs(change) <= criteria.energy and promise <= criteria.energy
        if converged or steps >= criteria.max_steps or radius < SHORTEST_STEP * scale:
            return Minimum(positions, energy, gradient, converged, steps)
        steps += 1
        length = float(np.linalg.norm(step))
        if length > radius:
            step, length = step * (radius / length), radius
        new_energy, new_gradient = force_field.energy_and_gradient(positions + step)
        # Rounding may lift the energy of a converged point by less than the criterion; that is no refusal.
        if new_energy - energy > 0.1 * criteria.energy:
            radius = 0.25 * length
            continue
        radius = min(LONGEST_STEP * scale, max(radius, 2.0 * length))
        curvature.learn(step, new_gradient - gradient)
        positions, change, energy, gradient = positions + step, new_energy - energy, new_energy, new_gradient


class _Curvature:
    """The inverse of the model, and what the last steps say about it."""

    def __init__(self, model: ModelHessian, positions: Array) -> None:
        self._model = model
        self._steps: deque[tuple[Array, Array, float]] = deque(maxlen=MEMORY)
        self._follow(positions)

    def _follow(self, positions: Array) -> None:
        self._where, self._inverse = positions, np.linalg.inv(self._model.at(positions))

    def step(self, positions: Array, gradient: Array) -> Array:
        """The step (n, 3) to the minimum of the corrected model at the positions (n, 3)."""
        if np.sqrt(((positions - self._where) ** 2).sum() / len(positions)) > STALE_AFTER:
            self._follow(positions)
        direction, weights = gradient.ravel(), []
        for moved, changed, product in reversed(self._steps):
            weights.append(float(moved @ direction) / product)
            direction = direction - weights[-1] * changed
        direction = self._inverse @ direction
        for (moved, changed, product), weight in zip(self._steps, reversed(weights), strict=True):
            direction = direction + (weight - float(changed @ direction) / product) * moved
        return -direction.reshape(-1, 3)

    def learn(self, step: Array, change: Array) -> None:
        """Remember a step (n, 3) and the change of the gradient on the way, where the energy curves upwards."""
        moved, changed = step.ravel(), change.ravel()
        product = float(moved @ changed)
        if product > SMALLEST_COSINE * float(np.linalg.norm(moved) * np.linalg.norm(changed)):
            self._steps.append((moved, changed, product))
