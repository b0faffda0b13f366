"""States of images as levels of grey or colours."""

from __future__ import annotations

from torch import Tensor

from molvm.states import State


def levels(x: State) -> Tensor:
    """Levels from 0 to 1, (B, 1 or 3, H, W), of states that are about in [-1, 1]; none beyond black and white."""
    return ((x.parts["x"] + 1) / 2).clamp(0, 1)
