"""How the controlled SDE is simulated, in plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from molvm.errors import ConfigError
from molvm.schedules import Schedules
from molvm.sde.grid import time_grid


@dataclass(frozen=True)
class SamplingOptions:
    """How many steps there are, where they lie, and in which of them something steers.

    Args:
        steps: Steps K from noise to data.
        steer_from: The control acts in steps that begin at this time or later; before, it is zero and costs nothing.
        steer_until: And not later than this.
        focus: Steps in which something steers are so many times shorter than the others. A control is held over a step,
            so that steering where much is decided at once takes short ones.

    Raises:
        ConfigError: A number out of range.
    """

    steps: int = 100
    steer_from: float = 0.0
    steer_until: float = 1.0
    focus: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"steps is {self.steps}.", allowed="a whole number from 1")
        if not 0 <= self.steer_from < self.steer_until <= 1:
            raise ConfigError(
                f"The control is to act from t = {self.steer_from} to {self.steer_until}.",
                allowed="0 <= steer_from < steer_until <= 1",
            )
        if not (math.isfinite(self.focus) and self.focus >= 1):
            raise ConfigError(f"focus is {self.focus}.", allowed="a finite number from 1")

    @property
    def window(self) -> tuple[float, float]:
        """When the control acts."""
        return self.steer_from, self.steer_until

    def grid(self, schedules: Schedules) -> Tensor:
        """The times, float64, shape (steps + 1,)."""
        return time_grid(schedules, self.steps, window=self.window, focus=self.focus)
