"""What a simulated path knows about itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from molvm.sde.transition import Transition
from molvm.states import State


@dataclass(frozen=True, eq=False)
class Trajectory:
    """B simulated paths of K steps.

    Args:
        times: The grid, shape (K+1,).
        states: x at all K+1 times, or only the terminal one.
        running_cost: ½|w|² of each step, in nats, shape (K, B).
        ito: w · ε of each step, shape (K, B).
        noises: ε of each step if they were kept, else empty.
        endpoints: x̂₁ at the first K times if they were kept, else empty.
        transitions: How each of the K steps was made.
        increments: w + ε of each step if they were kept, else empty: under the base model alone they are the noise.
    """

    times: Tensor
    states: tuple[State, ...]
    running_cost: Tensor
    ito: Tensor
    noises: tuple[State, ...] = field(default=())
    endpoints: tuple[State, ...] = field(default=())
    transitions: tuple[Transition, ...] = field(default=())
    increments: tuple[State, ...] = field(default=())

    @property
    def steps(self) -> int:
        """K."""
        return len(self.times) - 1

    @property
    def terminal(self) -> State:
        """The samples at t = 1."""
        return self.states[-1]

    @property
    def condition(self) -> Tensor | None:
        """What the samples are conditioned on, shape (B,), or None."""
        return self.terminal.condition

    @property
    def path_cost(self) -> Tensor:
        """½∫|u|² of each path, shape (B,); its mean is KL(controlled ‖ base) of the paths."""
        return self.running_cost.sum(dim=0)

    def cost_to_go(self) -> Tensor:
        """½∫_t^1 |u|² ds at each time of the grid, shape (K+1, B); zero at the end."""
        return _suffix_sums(self.running_cost)

    def ito_to_go(self) -> Tensor:
        """∫_t^1 u·dB at each time of the grid, shape (K+1, B); mean zero."""
        return _suffix_sums(self.ito)

    def log_weight(self, strength: float, rewards: Tensor) -> Tensor:
        """The paths' log dP*/dP^u + log Z = λr − ½∫|u|² − ∫u·dB, shape (B,).

        Exact for the simulated chain tilted by exp(λr), whatever the control was (Girsanov).

        Args:
            strength: λ.
            rewards: r, shape (B,).
        """
        return strength * rewards - self.path_cost - self.ito.sum(dim=0)


def _suffix_sums(increments: Tensor) -> Tensor:
    zero = increments.new_zeros(1, increments.shape[1])
    return torch.cat([increments.flip(0).cumsum(dim=0).flip(0), zero])
