"""How hard a control pulls, as a dial at sampling time."""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor

from molvm.errors import ConfigError
from molvm.sde.control import Control, Steering, reads_endpoint
from molvm.states import State


class Guided:
    """A control times a factor: 0 is the base model, 1 the control as it was learned.

    For a linear reward on Gaussian data this is the control of so many times the strength. Otherwise it is not, and the
    law of the samples is no longer known; their paths keep exact weights.

    Args:
        control: What steers.
        guidance: The factor.

    Raises:
        ConfigError: The factor is negative or not finite.
    """

    def __init__(self, control: Steering, guidance: float) -> None:
        if not (math.isfinite(guidance) and guidance >= 0):
            raise ConfigError(f"The guidance is {guidance}.", allowed="a finite number, 0 or larger")
        self._control, self._guidance = control, guidance
        self.reads = "endpoint" if reads_endpoint(control) else "state"

    def __call__(self, x: State, t: Tensor) -> Tensor:
        """The factor times V, shape (B,), if what steers is a value function."""
        return self._guidance * cast(Control, self._control)(x, t)

    def gradient(self, x: State, t: Tensor) -> State:
        """The factor times ∇V."""
        return self._control.gradient(x, t).scale(self._guidance)
