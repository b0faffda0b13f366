"""The moving average of the weights that training kept, within a Lightning checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from torch import Tensor

CALLBACK: Final = "exponential_moving_average"
LISTED: Final = "shadow_params"


def average_of(callbacks: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a callback has recorded of an average; Lightning puts the callback's own name around it."""
    states = [callbacks, *(state for state in callbacks.values() if isinstance(state, Mapping))]
    found = next((state[CALLBACK] for state in states if state.get(CALLBACK)), None)
    return found if isinstance(found, Mapping) else None


def shadow_weights(average: Mapping[str, Any], weights: Mapping[str, Any]) -> dict[str, Tensor]:
    """The averaged weights within the callback's state, whatever it calls them.

    Args:
        average: The state: names to tensors, or these within it, or a list of tensors in the order of the weights, with
            or without the empty ones that FlowMol keeps as marks. Beside them are numbers, as the decay.
        weights: The last weights of the training, by name.

    Returns:
        By the names of the weights; empty if the state holds no averaged weights.

    Raises:
        ValueError: There are averaged tensors, but not as many as weights, or under other names.
    """
    listed = average.get(LISTED)
    if isinstance(listed, list | tuple):
        return _by_order(listed, weights) if listed else {}
    nested = [value for value in average.values() if isinstance(value, Mapping)]
    named = max(([*nested, average]), key=lambda each: len(each.keys() & weights.keys()))
    found = {name: value for name, value in named.items() if name in weights and isinstance(value, Tensor)}
    if not found and _tensors([*average.values(), *(value for each in nested for value in each.values())]):
        raise ValueError("the recorded average is of tensors with other names than the weights")
    return found


def _by_order(listed: Sequence[Any], weights: Mapping[str, Any]) -> dict[str, Tensor]:
    filled = [name for name, value in weights.items() if isinstance(value, Tensor) and value.numel()]
    names = list(weights) if len(listed) == len(weights) else filled
    if len(listed) != len(names):
        raise ValueError(f"the recorded average is of {len(listed)} tensors, and there are {len(names)} weights")
    return dict(zip(names, listed, strict=True))


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    """Those that are more than one number."""
    return [value for value in values if isinstance(value, Tensor) and value.numel() > 1]
