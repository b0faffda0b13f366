"""Options of sampling tokens: ranges, temperatures, and the way to a file and back."""

from __future__ import annotations

import pytest

from molvm.errors import ConfigError, UnknownNameError
from molvm.models.flowmol.ctmc.options import ChainOptions


def test_round_trip() -> None:
    options = ChainOptions(steps=10, sampler="gat", eta=3.0, hc_thresh=0.0, temperature="decay")
    assert ChainOptions.from_dict(options.to_dict()) == options


def test_temperatures() -> None:
    assert ChainOptions(temperature=0.2).temperature_at(0.7) == 0.2
    assert ChainOptions(temperature="decay").temperature_at(0.5) == pytest.approx(0.2)
    falling = ChainOptions(temperature=lambda t: 1 - t)
    assert falling.temperature_at(0.75) == 0.25
    with pytest.raises(ConfigError, match="cannot be written"):
        falling.to_dict()


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"eta": -1.0},
        {"eta": float("inf")},
        {"hc_thresh": 1.5},
        {"temperature": 0.0},
        {"temperature": "hot"},
        {"sampler": "euler"},
        {"heat": 3},
    ],
    ids=str,
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        ChainOptions().changed(**wrong)
    with pytest.raises(ConfigError):
        ChainOptions.from_dict(wrong)


def test_unknown_options_suggest_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'hc_thresh'"):
        ChainOptions().changed(hc_tresh=0.5)
