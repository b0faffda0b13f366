"""How far a sample is from a training set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from molvm.evaluation.distributions import Bins, shares_of, total_variation
from molvm.evaluation.energy import ENERGY_EDGES, energy_divergence
from molvm.evaluation.quantities import COMPARED, ENERGY, asked
from molvm.evaluation.reference import Reference
from molvm.evaluation.verdict import Verdict


def distances(verdicts: Sequence[Verdict], reference: Reference) -> dict[str, float | None]:
    """Name to distance, as `Summary.distances` says; None where the sample has nothing to compare.

    Args:
        verdicts: At least one.
        reference: What they are compared with.
    """
    elements = [number for verdict in verdicts for number in verdict.elements]
    energies = [verdict.energy for verdict in verdicts if verdict.energy is not None]
    within = any(ENERGY_EDGES[0] <= energy <= ENERGY_EDGES[-1] for energy in energies)
    compared = [one for one in asked(verdicts) if one.name in COMPARED and one.name in reference.properties]
    return {
        "elements": total_variation(shares_of(elements), reference.elements) if elements else None,
        "sizes": total_variation(shares_of(verdict.n_atoms for verdict in verdicts), reference.sizes),
        ENERGY: energy_divergence(energies, reference.energies) if within else None,
        **{
            one.name: _distance(one.values(verdicts), COMPARED[one.name], reference.properties[one.name])
            for one in compared
        },
    }


def _distance(values: Sequence[float], bins: Bins, reference: npt.NDArray[np.float64]) -> float | None:
    return bins.distance(bins.count(values), reference) if values else None
