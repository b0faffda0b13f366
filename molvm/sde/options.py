"""How the controlled SDE is simulated, in plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Self, TypedDict, get_args

import torch
from torch import Tensor

from molvm.errors import ConfigError, ModelError
from molvm.models.base import FlowModel
from molvm.models.spread import PosteriorSpread
from molvm.schedules import Schedules
from molvm.sde.analytic import analytic_variance
from molvm.sde.ddim import ddim
from molvm.sde.doubt import FLAWS, Avoided, Doubt, doubt_of
from molvm.sde.grid import time_grid, trained_grid
from molvm.sde.transition import Stepper, euler_maruyama


class SteeringArguments(TypedDict):
    """What `simulate` and `twisted_particles` are told of how something steers."""

    allowance: Tensor
    look_ahead: int
    candidates: int
    choose_every: int
    doubt: Doubt | None


TransitionName = Literal["euler_maruyama", "analytic_variance", "ddim"]

MAX_FOCUS = 20.0
"""Beyond it hardly a step is left outside the window."""

MAX_SWEEPS = 4
"""Where so many do not find the fixed point, the value function is too sharp for the step."""


@dataclass(frozen=True)
class SamplingOptions:
    """How many steps there are, where they lie, in which of them something steers, and how hard it may.

    Args:
        steps: Steps K from noise to data.
        steer_from: The control acts in steps that begin at this time or later; before, it is zero and costs nothing.
        steer_until: And not later than this.
        focus: Steps in which something steers are so many times shorter than the others. A control is held over a step,
            so that steering where much is decided at once takes short ones.
        kl_limit: Nats that steering may cost a path at most; None for no limit.
        transition: How a step is made: "euler_maruyama", as in the paper; "analytic_variance", which starts at
            t = 0, needs fewer steps, and a model whose spread is known; or "ddim", which starts there too, and is the
            usual one of models that were trained at discrete times.
        noise_level: σ as a multiple of the memoryless one, DDIM's η; 0 is the ODE. A value function is learned at 1 and
            steers at any: samples obey the same law, but paths without noise have no weights.
        look_ahead: Sweeps, each another gradient of the value network, by which the control of a step is taken where
            the step leads. A control that is held over a step tilts too little, the more so the fewer steps there are;
            with one or two sweeps it is the best one of the chain. Takes the memoryless noise, and a network that reads
            states.
        candidates: Next states among which the value function chooses, where something steers; 1 for steering by its
            gradient. Takes noise.
        choose_every: Steps that each of them takes on its own before one is chosen. V says more of where several steps
            lead than of where one does, so that a nat buys more; no effect with one candidate.
        avoid: Candidates that are hardly ever chosen, if the base expects them to be so from `BELIEVED_FROM` on:
            "broken", "broken_and_charged", or "nothing" of that. No effect with one candidate, or on images.

    Raises:
        ConfigError: A number out of range; another noise than the memoryless one in analytic steps, or looking ahead;
            none with a limit or candidates; candidates and looking ahead.
    """

    steps: int = 100
    steer_from: float = 0.0
    steer_until: float = 1.0
    focus: float = 1.0
    kl_limit: float | None = None
    transition: TransitionName = "euler_maruyama"
    noise_level: float = 1.0
    look_ahead: int = 0
    candidates: int = 1
    choose_every: int = 1
    avoid: Avoided = "nothing"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"steps is {self.steps}.", allowed="a whole number from 1")
        if not 0 <= self.steer_from < self.steer_until <= 1:
            raise ConfigError(
                f"The control is to act from t = {self.steer_from} to {self.steer_until}.",
                allowed="0 <= steer_from < steer_until <= 1",
            )
        if not 1 <= self.focus <= MAX_FOCUS:
            raise ConfigError(f"focus is {self.focus}.", allowed=f"a number from 1 to {MAX_FOCUS:g}")
        if self.kl_limit is not None and not (math.isfinite(self.kl_limit) and self.kl_limit > 0):
            raise ConfigError(f"kl_limit is {self.kl_limit}.", allowed="a positive finite number of nats, or None")
        if self.transition not in get_args(TransitionName):
            raise ConfigError(f"transition is {self.transition!r}.", allowed=", ".join(get_args(TransitionName)))
        if not (math.isfinite(self.noise_level) and self.noise_level >= 0):
            raise ConfigError(f"The noise level is {self.noise_level}.", allowed="a finite number, 0 or larger")
        if self.noise_level > 1 and self.transition == "ddim":
            raise ConfigError(f"The noise level is {self.noise_level}.", allowed="0 to 1 in steps of ddim")
        if self.noise_level != 1 and self.transition == "analytic_variance":
            raise ConfigError(
                f"The noise level is {self.noise_level}, and steps of {self.transition} have their own.",
                remedy="the transition euler_maruyama, or leaving out the noise level",
            )
        if not 0 <= self.look_ahead <= MAX_SWEEPS:
            raise ConfigError(f"look_ahead is {self.look_ahead}.", allowed=f"a whole number from 0 to {MAX_SWEEPS}")
        if self.look_ahead and self.noise_level != 1:
            raise ConfigError(
                f"look_ahead is {self.look_ahead} and the noise level {self.noise_level}: the value function of the "
                "chain belongs to the memoryless noise.",
                remedy="look_ahead = 0, or leaving out the noise level",
            )
        if self.candidates < 1:
            raise ConfigError(f"candidates is {self.candidates}.", allowed="a whole number from 1; 1 for no choice")
        if self.choose_every < 1:
            raise ConfigError(f"choose_every is {self.choose_every}.", allowed="a whole number from 1")
        if self.avoid not in FLAWS:
            raise ConfigError(f"avoid is {self.avoid!r}.", allowed=", ".join(FLAWS))
        if self.candidates > 1 and (self.look_ahead or self.noise_level != 1):
            raise ConfigError(
                f"Of {self.candidates} candidates the value function chooses by where a step of the memoryless process "
                f"leads, and look_ahead is {self.look_ahead}, the noise level {self.noise_level}.",
                remedy="candidates = 1, or look_ahead = 0 and leaving out the noise level",
            )
        if self.noise_level == 0 and self.kl_limit is not None:
            raise ConfigError(
                "Without noise any control costs infinitely many nats, more than kl_limit allows.",
                remedy="some noise, or a run without kl_limit",
            )

    def with_noise(self, level: float) -> Self:
        """The same at another noise, at which nothing looks ahead or is chosen.

        Raises:
            ConfigError: The noise does not go with the transition or the limit.
        """
        if level == 1:
            return replace(self, noise_level=level)
        return replace(self, noise_level=level, look_ahead=0, candidates=1)

    def grid(self, schedules: Schedules) -> Tensor:
        """The times, float64, shape (steps + 1,).

        Raises:
            ConfigError: No step begins where the control is to act, or there are more steps than trained times.
        """
        window = (self.steer_from, self.steer_until)
        # Where α > 0 at t = 0, as in all trained schedules, nothing is infinite there.
        from_noise = self.transition != "euler_maruyama" or schedules.trained_steps is not None
        settings = {"start": 0.0, "relative_step": math.inf} if from_noise else {}
        grid = time_grid(schedules, self.steps, window=window, focus=self.focus, **settings)
        if (trained := schedules.trained_steps) is not None:
            grid = trained_grid(grid, trained)
        if not bool(self._steered(grid).any()):
            raise ConfigError(
                f"None of {self.steps} steps begins between t = {self.steer_from} and {self.steer_until}, where the "
                "control is to act.",
                remedy="more steps, or an earlier steer_from and a later steer_until",
            )
        return grid

    def stepper(self, model: FlowModel) -> Stepper:
        """How a step of the model's process is made.

        Raises:
            ModelError: The transition needs the model's spread, which is not known.
        """
        if self.transition == "euler_maruyama":
            return partial(euler_maruyama, noise_level=self.noise_level)
        if self.transition == "ddim":
            return partial(ddim, noise_level=self.noise_level)
        spread: PosteriorSpread | None = getattr(model, "spread", None)
        if spread is None:
            raise ModelError(
                f"The transition analytic_variance needs the spread of the base model {model.name}, which has not been "
                "measured.",
                remedy="`molvm models calibrate` on it, or the transition euler_maruyama",
            )
        return analytic_variance(spread)

    def steering(self, model: FlowModel, grid: Tensor) -> SteeringArguments:
        """How something steers the model along a grid."""
        return {
            "allowance": self.allowance(grid),
            "look_ahead": self.look_ahead,
            "candidates": self.candidates,
            "choose_every": self.choose_every,
            "doubt": doubt_of(model, self.avoid),
        }

    def allowance(self, grid: Tensor) -> Tensor:
        """Nats that the control of each step may cost, float64, shape (K,); 0 where nothing steers."""
        limit = math.inf if self.kl_limit is None else self.kl_limit
        steered = self._steered(grid)
        shares = grid.diff() / grid.diff()[steered].sum()
        return torch.where(steered, limit * shares, 0.0)

    def _steered(self, grid: Tensor) -> Tensor:
        """Which steps something steers, booleans of shape (K,)."""
        return (grid[:-1] >= self.steer_from) & (grid[:-1] <= self.steer_until)
