"""A failure that can be seen coming: what the base expects of a state is no sound molecule.

A value network that learns from rewards sees few failures, and they look like anything. Whether the expected molecule
is one needs no learning and no reward: RDKit tells in a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from molvm.chem.validity import STRICT
from molvm.models.base import FlowModel, made_by
from molvm.states import State

Doubt = Callable[[State, Tensor], Tensor]
"""Nats that V is larger by where x̂₁ promises a failure, shape (B,), by x̂₁ and the one time of all."""

SOUND_IN_THE_END: Final = 0.05
"""Of samples of `qm9` that were noised to t = 0.78, and whose x̂₁ was then not strictly valid or in pieces, so many are
neither (RESULTS.md, "Failures that are seen coming"). As failures are worth next to nothing, V = −log E[e^{λr}] is
larger by −log of it."""


def doubt_of(model: FlowModel, since: float) -> Doubt | None:
    """The doubt in states of a model of molecules; None for other models, or if it never begins.

    Args:
        model: The base model.
        since: The time from which its x̂₁ is to be believed.
    """
    if since >= 1 or made_by(model) != "molecules":
        return None

    def doubt(endpoint: State, t: Tensor) -> Tensor:
        if float(t) < since:
            return torch.zeros(len(endpoint))
        failing = [STRICT(molecule) is not None for molecule in model.decode(endpoint)]
        return -math.log(SOUND_IN_THE_END) * torch.tensor(failing, dtype=torch.float32)

    return doubt
