"""Who trains, who validates, who tests: decided on the raw rows, before anything is dropped."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from molvm.errors import DatasetError

SplitName: TypeAlias = Literal["train", "validation", "test"]

SPLIT_CODES: Final[dict[SplitName, int]] = {"train": 0, "validation": 1, "test": 2}


def split_code(split: str) -> int:
    """The number a split is stored as.

    Raises:
        DatasetError: There is no split of that name.
    """
    for name, code in SPLIT_CODES.items():
        if name == split:
            return code
    raise DatasetError(f"There is no split named {split!r}.", allowed=", ".join(SPLIT_CODES))


def shuffled_split(rows: int, train: int, test: int, seed: int) -> npt.NDArray[np.uint8]:
    """Assigns every raw row to a split: the first of the shuffled rows train, the last test, the rest validate.

    The shuffle is that of `pandas.DataFrame.sample(frac=1, random_state=seed)`, which draws from numpy's legacy
    generator, so that a split made elsewhere with pandas is the same one.

    Args:
        rows: Number of raw rows.
        train: How many of them train.
        test: How many of them test.
        seed: Seed of the shuffle.

    Returns:
        uint8 (rows,): codes of `SPLIT_CODES`, by raw row.

    Raises:
        DatasetError: The sizes do not fit into the rows.
    """
    if train < 0 or test < 0 or train + test > rows:
        raise DatasetError(f"{train} training and {test} test rows do not fit into {rows} rows.")
    order = np.random.RandomState(seed).permutation(rows)
    codes = np.full(rows, SPLIT_CODES["validation"], dtype=np.uint8)
    codes[order[:train]] = SPLIT_CODES["train"]
    codes[order[rows - test :]] = SPLIT_CODES["test"]
    return codes
