from __future__ import annotations

import numpy as np
import pytest

from molvm.datasets.split import shuffled_split
from molvm.errors import DatasetError


def test_sizes_are_kept_and_every_row_is_in_one_split() -> None:
    assert np.bincount(shuffled_split(100, 70, 10, seed=3)).tolist() == [70, 20, 10]


def test_the_split_is_a_function_of_the_seed() -> None:
    first = shuffled_split(500, 300, 50, seed=3)
    np.testing.assert_array_equal(first, shuffled_split(500, 300, 50, seed=3))
    assert (first != shuffled_split(500, 300, 50, seed=4)).any()


def test_the_last_of_the_shuffled_rows_test() -> None:
    # The two ends of the same shuffle: with no validation rows, whoever does not train tests.
    np.testing.assert_array_equal(shuffled_split(50, 30, 20, seed=1) == 0, shuffled_split(50, 30, 0, seed=1) == 0)
    np.testing.assert_array_equal(shuffled_split(50, 30, 20, seed=1) == 2, shuffled_split(50, 0, 20, seed=1) == 2)


def test_pandas_shuffles_the_same_way() -> None:
    # pandas.DataFrame(index=range(10)).sample(frac=1, random_state=42).index, recorded with pandas 3.1.1.
    order = [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]
    codes = shuffled_split(10, 4, 3, seed=42)
    assert sorted(np.flatnonzero(codes == 0).tolist()) == sorted(order[:4])
    assert sorted(np.flatnonzero(codes == 2).tolist()) == sorted(order[-3:])


@pytest.mark.parametrize(("train", "test"), [(8, 3), (-1, 0), (0, 11)])
def test_impossible_sizes_are_refused(train: int, test: int) -> None:
    with pytest.raises(DatasetError):
        shuffled_split(10, train, test, seed=0)
