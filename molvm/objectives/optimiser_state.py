"""What an optimiser of torch remembers, as the tensors of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state by "index of the parameter.name"."""
    states: Mapping[int, Mapping[str, Tensor]] = optimiser.state_dict()["state"]
    return {f"{index}.{name}": value for index, state in states.items() for name, value in state.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `optimiser_tensors`; learning rates and the like stay as they are."""
    saved: dict[str, Any] = {**optimiser.state_dict(), "state": {}}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        saved["state"].setdefault(int(index), {})[key] = value
    optimiser.load_state_dict(saved)
