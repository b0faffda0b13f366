"""One step of the controlled SDE, as coefficients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.schedules import Schedules


@dataclass(frozen=True)
class Transition:
    """A step t → s, or K of them: x_s = keep · x + pull · x̂₁ − shift · ∇V + noise · ε, modality by modality.

    In units of the noise the control is w = −(shift/noise) ∇V (in continuous time u√dt): ½|w|² is the running cost and
    w · ε the Itô integral's increment, both exact for the chain that is simulated.

    Args:
        keep: Modality to coefficient, float64 tensors of shape () or (K,), or plain numbers.
        pull: Likewise.
        shift: Likewise.
        noise: Likewise; 0 for the ODE.
    """

    keep: Mapping[str, Tensor | float]
    pull: Mapping[str, Tensor | float]
    shift: Mapping[str, Tensor | float]
    noise: Mapping[str, Tensor | float]

    @property
    def leverage(self) -> dict[str, Tensor | float]:
        """What a gradient of one shifts a step by, in units of its noise: shift/noise, plain numbers.

        0 for a last step that nothing shifts and that has no noise. A step of the ODE has none.
        """
        return {name: shift and shift / self.noise[name] for name, shift in self.shift.items()}

    def steps(self) -> list[Transition]:
        """K transitions in plain numbers, with which a state is scaled at the least cost."""
        parts = (self.keep, self.pull, self.shift, self.noise)
        numbers = [{name: torch.as_tensor(each).tolist() for name, each in part.items()} for part in parts]
        count = len(next(iter(numbers[0].values())))
        return [Transition(*({name: each[k] for name, each in part.items()} for part in numbers)) for k in range(count)]


Stepper = Callable[[Schedules, Tensor, Tensor], Transition]
"""Builds the transition from time t to time s, or those from K times to as many."""


def euler_maruyama(
    schedules: Schedules,
    t: Tensor,
    s: Tensor,
    *,
    noise_level: float = 1.0,
    sigma: float | None = None,
    exact_increments: bool = True,
) -> Transition:
    """An Euler–Maruyama step of the SDE with the model's marginals.

    A step needs κ dt and η dt. With exact increments they are Δα/α and β (βΔα/α − Δβ), otherwise κ(t) dt and η(t) dt.
    The two are the same for the linear schedule. For curved ones the first is the step of a linear schedule on the grid
    α(t_k), whereas the rates at the left end miss that α̇ falls to 0 at t = 1: with 100 steps of the cosine schedule
    samples of N(1, 0.7²) come out 0.8 % too large (`docs/notation.md` has the table).

    Args:
        schedules: α and β of each modality.
        t: Start of the step, in (0, 1), a float64 tensor of shape (), or (K,) for K steps.
        s: Its end, likewise.
        noise_level: σ as a multiple of the memoryless one; 0 is the probability-flow ODE.
        sigma: A constant σ for all times and modalities, instead of `noise_level`.
        exact_increments: See above; False is the textbook step that the paper takes.

    Raises:
        ConfigError: a negative or non-finite noise.
    """
    level = noise_level if sigma is None else sigma
    if not (math.isfinite(level) and level >= 0):
        raise ConfigError(f"The noise level is {level}.", allowed="a finite number, 0 or larger")
    keep, pull, shift, noise = {}, {}, {}, {}
    for name, schedule in schedules.by_modality.items():
        alpha, beta = schedule.alpha(t), schedule.beta(t)
        if exact_increments:
            d_alpha, d_beta = schedule.alpha(s) - alpha, schedule.beta(s) - beta
        else:
            d_alpha, d_beta = schedule.alpha_dot(t) * (s - t), schedule.beta_dot(t) * (s - t)
        eta_dt = beta * (beta * d_alpha / alpha - d_beta)
        if level == 0:
            variance = torch.zeros_like(eta_dt)
        else:
            variance = 2 * eta_dt * noise_level**2 if sigma is None else sigma**2 * (s - t)
        # 1 + κ dt − (σ²/2 + η) dt/β² and (σ²/2 + η) dt α/β² with the terms in 1/α cancelled by hand, so that the ODE
        # can start at t = 0.
        keep[name] = 1 + d_beta / beta - variance / (2 * beta**2)
        pull[name] = d_alpha - alpha * d_beta / beta + variance * alpha / (2 * beta**2)
        shift[name] = variance / 2 + eta_dt
        noise[name] = torch.sqrt(variance)
    return Transition(keep, pull, shift, noise)
