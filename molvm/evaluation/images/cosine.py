"""Features by their directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from molvm.errors import EvaluationError


def unit_rows(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row divided by its length.

    Args:
        features: (n, d).

    Raises:
        EvaluationError: There are none, or one is zero or not finite.
    """
    lengths = np.linalg.norm(features, axis=-1, keepdims=True) if features.ndim == 2 else np.zeros(0)
    if not len(lengths) or not bool(np.isfinite(lengths).all() and (lengths > 0).all()):
        raise EvaluationError(
            f"Features of shape {features.shape} have no directions.", allowed="(n, d), finite, no row zero"
        )
    found: NDArray[np.float64] = features / lengths
    return found


def cosine_distances(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 − cos of each pair, (n, n): of CLIP's embeddings and DreamSim's a distance that people see."""
    rows = unit_rows(features)
    return np.clip(1 - rows @ rows.T, 0, 2)
