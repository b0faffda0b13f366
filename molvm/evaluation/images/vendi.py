"""How many different ones a set amounts to."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from molvm.errors import EvaluationError
from molvm.evaluation.images.cosine import unit_rows


def vendi_score(features: NDArray[np.float64], order: float = 1.0) -> float:
    """The perplexity of the eigenvalues of K/n, K the cosines of all pairs (Friedman and Dieng 2023): exp of entropy.

    1 for n equal ones, n for n that are orthogonal. It grows with n, so that sets of one size alone are comparable.

    Args:
        features: (n, d); the length of a row does not matter, none may be zero.
        order: q of the entropy; 1 is Shannon's. The Value Matching paper takes 1/2, which counts rare ones for more.

    Raises:
        EvaluationError: There are no features, one is zero or not finite, or the order is not positive.
    """
    if not (math.isfinite(order) and order > 0):
        raise EvaluationError(f"The order of the Vendi score is {order}.", allowed="a positive number")
    rows = unit_rows(features)
    # The eigenvalues of the cosines are the squared singular values of the rows.
    shares = np.linalg.svd(rows, compute_uv=False) ** 2 / len(rows)
    shares = shares[shares > 0]
    if order == 1:
        return float(np.exp(-(shares * np.log(shares)).sum()))
    return float((shares**order).sum() ** (1 / (1 - order)))
