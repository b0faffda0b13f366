"""A failure that can be seen coming: what the base expects of a state is no sound molecule.

A value network that learns from rewards sees few failures, and they look like anything. Whether the expected molecule
is one needs no learning and no reward: RDKit tells in a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.chem.validity import check_connected, check_neutral, check_strict
from molvm.models.base import FlowModel, made_by
from molvm.states import State

Avoided = Literal["nothing", "broken", "broken_and_charged"]

FLAWS: Final[Mapping[Avoided, Sequence[Callable[[Molecule], str | None]]]] = {
    "nothing": (),
    "broken": (check_strict, check_connected),
    "broken_and_charged": (check_strict, check_connected, check_neutral),
}
"""Broken molecules have valences that are open or too many, or pieces; ions have no dipole moment."""

Doubt = Callable[[State, Tensor], Tensor]
"""Nats that V is larger by where x̂₁ promises a failure, shape (B,), by x̂₁ and the one time of all."""

BELIEVED_FROM: Final = 0.75
"""The time from which the base is seldom wrong about flaws (RESULTS.md, "Failures that are seen coming")."""

SOUND_IN_THE_END: Final = 0.05
"""Of samples of `qm9` that were noised to t = 0.78 to 0.82, and whose x̂₁ was then flawed, about so many are not
(RESULTS.md, "Failures that are seen coming"). As failures are worth next to nothing, V = −log E[e^{λr}] is larger by
−log of it."""


def doubt_of(model: FlowModel, avoided: Avoided) -> Doubt | None:
    """The doubt in states of a model of molecules; None for other models, or if nothing is avoided.

    Args:
        model: The base model.
        avoided: What fails in the end.
    """
    checks = FLAWS[avoided]
    if not checks or made_by(model) != "molecules":
        return None

    def doubt(endpoint: State, t: Tensor) -> Tensor:
        if float(t) < BELIEVED_FROM:
            return torch.zeros(len(endpoint))
        flawed = [any(check(molecule) for check in checks) for molecule in model.decode(endpoint)]
        return -math.log(SOUND_IN_THE_END) * torch.tensor(flawed, dtype=torch.float32)

    return doubt
