"""The Fréchet distance of two sets of features, which with Inception's is the FID."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from molvm.errors import EvaluationError
from molvm.evaluation.intervals import Estimate, jackknife

Matrix = NDArray[np.float64]

GROUPS: Final = 10
"""Parts of both sets that are left out in turn for the interval."""


def frechet_distance(features: Matrix, reference: Matrix) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁^½ Σ₂ Σ₁^½)^½) of two samples (Dowson and Landau 1982; Heusel et al. 2017).

    The last trace is the sum of the singular values of X₁X₂ᵀ, where ΣᵢXᵢᵀ = Xᵢ are centred samples over √(n − 1), up to
    rotations of their rows: no square root of a matrix is taken, and covariances may be singular. It is the squared
    Wasserstein distance of two Gaussians with these moments. Of finite samples it is too large, by about c/n.

    Args:
        features: (n, d), n at least 2.
        reference: (m, d), m at least 2.

    Raises:
        EvaluationError: There are too few, their lengths differ, or one is not finite.
    """
    _require_samples(features, reference)
    apart = features.mean(axis=0) - reference.mean(axis=0)
    one, other = _factor(features), _factor(reference)
    overlap = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    spread = (one**2).sum() + (other**2).sum() - 2 * overlap
    # Rounding alone can make the second term negative.
    return float(apart @ apart + max(spread, 0.0))


def frechet_estimate(features: Matrix, reference: Matrix, generator: np.random.Generator) -> Estimate:
    """The distance that infinitely many samples would have, by the jackknife: the part c/n of the bias cancels.

    Args:
        features: (n, d), at least 20.
        reference: (m, d), at least 20.
        generator: Deals the samples into groups.

    Raises:
        EvaluationError: There are too few, their lengths differ, or one is not finite.
    """
    _require_samples(features, reference)
    parts = [_dealt(len(each), generator) for each in (features, reference)]

    def without(group: int | None) -> float:
        kept = [each != group for each in parts]
        return frechet_distance(features[kept[0]], reference[kept[1]])

    return jackknife(without(None), [without(group) for group in range(GROUPS)], min(len(features), len(reference)))


def _factor(sample: Matrix) -> Matrix:
    """R with RᵀR the sample's covariance, of as few rows as it can have."""
    centred = (sample - sample.mean(axis=0)) / np.sqrt(len(sample) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred


def _dealt(count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """A group for each of so many samples, the groups as large as one another."""
    if count < 2 * GROUPS:
        raise EvaluationError(f"{count} samples are too few for an interval.", allowed=f"{2 * GROUPS} or more")
    return generator.permutation(np.arange(count) % GROUPS)


def _require_samples(features: Matrix, reference: Matrix) -> None:
    for each in (features, reference):
        if each.ndim != 2 or len(each) < 2 or not bool(np.isfinite(each).all()):
            raise EvaluationError(
                f"Features of shape {each.shape}, not all finite perhaps, have no distance.",
                allowed="(n, d), finite, two samples at least",
            )
    if features.shape[1] != reference.shape[1]:
        raise EvaluationError(f"There are {features.shape[1]} features, and {reference.shape[1]} of the reference.")
