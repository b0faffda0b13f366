"""Averages of the weights as callbacks have recorded them, odd ones too."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from molvm.models.flowmol.published.moving_average import average_of, shadow_weights

WEIGHTS = {"a": torch.zeros(2, 3), "mark": torch.zeros(0), "b": torch.zeros(4)}
SHADOW = {name: torch.ones_like(value) for name, value in WEIGHTS.items()}
DECAY = torch.tensor(0.99)


@pytest.mark.parametrize(
    "state",
    [
        SHADOW,
        {"decay": DECAY, **SHADOW},
        {"shadow_params": SHADOW},
        {"decay": DECAY, "num_updates": torch.tensor(7), "shadow_params": SHADOW, "collected_params": None},
        {"optimizer": {"lr": DECAY}, "weights": SHADOW},
        {"decay": 0.99, "shadow_params": list(SHADOW.values())},
        {"decay": DECAY, "shadow_params": [SHADOW["a"], SHADOW["b"]]},
    ],
    ids=["flat", "flat_decay", "nested", "nested_decay", "other_name", "list", "list_without_marks"],
)
def test_the_average_is_found(state: dict[str, Any]) -> None:
    found = shadow_weights(state, WEIGHTS)
    assert {name: value.shape for name, value in found.items() if value.numel()} == {"a": (2, 3), "b": (4,)}
    assert all(bool((value == 1).all()) for value in found.values())


@pytest.mark.parametrize(
    "state",
    [{"decay": 0.99}, {"decay": DECAY}, {"decay": DECAY, "shadow_params": None}, {"shadow_params": []}],
    ids=["number", "tensor", "none", "empty"],
)
def test_there_may_be_none(state: dict[str, Any]) -> None:
    assert shadow_weights(state, WEIGHTS) == {}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"shadow_params": [SHADOW["a"]]}, "of 1 tensors, and there are 2 weights"),
        ({"shadow_params": [*SHADOW.values(), DECAY]}, "of 4 tensors"),
        ({"shadow_params": {"x": torch.ones(2)}}, "other names"),
        ({"x": torch.ones(2)}, "other names"),
    ],
)
def test_what_is_of_other_weights(state: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        shadow_weights(state, WEIGHTS)


def test_where_callbacks_keep_it() -> None:
    state: dict[str, Tensor | float] = {"decay": 0.99}
    assert average_of({"exponential_moving_average": state}) == state
    assert average_of({"EMA": {"exponential_moving_average": state}, "n": 3}) == state
    assert average_of({"EMA": {"exponential_moving_average": 0.99}}) is None
    assert average_of({}) is None
