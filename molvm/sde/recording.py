"""What is kept of a path while it is simulated."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from molvm.sde.step import Taken
from molvm.sde.trajectory import Trajectory
from molvm.sde.transition import Transition
from molvm.states import State


@dataclass(eq=False)
class Recording:
    """A path so far.

    Args:
        start: x₀, B samples.
        keeps_states: Every state, not only the last.
        keeps_noise: The noise of each step.
        keeps_endpoints: x̂₁ where each step begins.
        keeps_increments: Control and noise of each step in one.
    """

    start: State
    keeps_states: bool
    keeps_noise: bool
    keeps_endpoints: bool
    keeps_increments: bool
    states: list[State] = field(init=False)
    costs: list[Tensor] = field(init=False, default_factory=list)
    ito: list[Tensor] = field(init=False, default_factory=list)
    noises: list[State] = field(init=False, default_factory=list)
    endpoints: list[State] = field(init=False, default_factory=list)
    increments: list[State] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.states = [self.start]

    def add(self, endpoint: State, transition: Transition, taken: Taken) -> None:
        """Keep a step.

        Args:
            endpoint: x̂₁ where it began.
            transition: How it was made; of a choice the first of its steps.
            taken: Where it has led.
        """
        if not self.keeps_states:
            self.states.clear()
        self.states.append(taken.state)
        self.costs.append(taken.cost)
        self.ito.append(taken.ito)
        if self.keeps_noise:
            self.noises.append(taken.noise)
        if self.keeps_endpoints:
            self.endpoints.append(endpoint)
        if self.keeps_increments:
            self.increments.append(_increment(taken, transition))

    def trajectory(self, times: Tensor, transitions: tuple[Transition, ...]) -> Trajectory:
        """What was kept.

        Args:
            times: Of the start and after each step.
            transitions: How each step was made, or none where choices took several.
        """
        return Trajectory(
            times,
            tuple(self.states),
            torch.stack(self.costs),
            torch.stack(self.ito),
            tuple(self.noises),
            tuple(self.endpoints),
            transitions,
            tuple(self.increments),
        )


def _increment(taken: Taken, transition: Transition) -> State:
    return taken.noise if taken.gradient is None else taken.noise - taken.gradient.scale(transition.leverage)
