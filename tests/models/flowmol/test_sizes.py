from __future__ import annotations

import math

import pytest
import torch

from molvm.errors import ConfigError, ModelError
from molvm.models.flowmol.sizes import SizeHistogram

HISTOGRAM = SizeHistogram((3, 4, 5, 7, 8), (1, 0, 2, 5, 2))


@pytest.mark.parametrize(
    ("wanted", "sizes", "counts"),
    [
        ("5", (5,), (2,)),
        ("3-7", (3, 5, 7), (1, 2, 5)),
        (" 8 , 3-5", (3, 5, 8), (1, 2, 2)),
        ("3:1,7:3", (3, 7), (1.0, 3.0)),
        ("3-7:0.5,8", (3, 5, 7, 8), (0.5, 0.5, 0.5, 2)),
        ("1-100", (3, 5, 7, 8), (1, 2, 5, 2)),
    ],
)
def test_sizes_are_chosen(wanted: str, sizes: tuple[int, ...], counts: tuple[float, ...]) -> None:
    chosen = HISTOGRAM.restricted(wanted)
    assert chosen.sizes == sizes
    assert chosen.counts == counts


@pytest.mark.parametrize("wanted", ["", "x", "5-", "-5", "5;7", "3:", "3:-1", "3.5"])
def test_what_cannot_be_read_is_told(wanted: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        HISTOGRAM.restricted(wanted)


@pytest.mark.parametrize("wanted", ["4", "9-12", "7-5", "6"])
def test_sizes_that_the_model_has_not_seen_are_refused(wanted: str) -> None:
    with pytest.raises(ConfigError, match="knows no molecules of"):
        HISTOGRAM.restricted(wanted)


def test_no_weight_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="no weight"):
        HISTOGRAM.restricted("3:0,5:0")
    with pytest.raises(ModelError):
        SizeHistogram((3,), (0,))


def test_weights_multiply_the_counts() -> None:
    tilted = HISTOGRAM.weighted(torch.tensor([0.0, 9.0, 700.0 + math.log(2), 700.0, 700.0]))
    drawn = tilted.draw(40_000, torch.Generator().manual_seed(0))
    shares = [float((drawn == size).double().mean()) for size in HISTOGRAM.sizes]
    assert shares == pytest.approx([0.0, 0.0, 4 / 11, 5 / 11, 2 / 11], abs=0.012)
