from __future__ import annotations

import numpy as np
import pytest

from molvm.errors import EvaluationError
from molvm.evaluation.images.cosine import cosine_distances
from molvm.evaluation.images.vendi import vendi_score

ORDERS = [0.5, 1.0, 2.0]


@pytest.mark.parametrize("order", ORDERS)
def test_equal_ones_are_one_and_orthogonal_ones_are_all(order: int) -> None:
    equal = np.outer(np.arange(1, 8), [3.0, -1.0, 2.0])
    assert vendi_score(equal, order) == pytest.approx(1, abs=1e-6)
    assert vendi_score(5 * np.eye(7, 9), order) == pytest.approx(7)
    assert vendi_score(np.repeat(np.eye(4), 6, axis=0), order) == pytest.approx(4)


def test_shares_count_by_their_entropy() -> None:
    """Two kinds, a and b of them: the eigenvalues are the shares."""
    features = np.repeat(np.eye(2), [3, 1], axis=0)
    assert vendi_score(features) == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))))
    assert vendi_score(features, 0.5) == pytest.approx((np.sqrt(0.75) + np.sqrt(0.25)) ** 2)
    assert vendi_score(features, 2) == pytest.approx(1 / (0.75**2 + 0.25**2))


def test_rare_ones_count_for_more_at_lower_orders() -> None:
    features = np.random.default_rng(0).normal(size=(30, 12)) + 2
    scores = [vendi_score(features, order) for order in ORDERS]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(("features", "order"), [(np.zeros((2, 3)), 1), (np.ones((0, 3)), 1), (np.ones((2, 3)), 0)])
def test_what_has_no_score_is_refused(features: np.ndarray, order: float) -> None:
    with pytest.raises(EvaluationError):
        vendi_score(features, order)


def test_cosine_distances() -> None:
    found = cosine_distances(np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]]))
    assert np.allclose(found, [[0, 1, 2], [1, 0, 1], [2, 1, 0]])
