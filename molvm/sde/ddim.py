"""The steps of DDIM: exact where the endpoint is certain, in any number of steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.schedules import Schedules
from molvm.sde.transition import Transition


def ddim(schedules: Schedules, t: Tensor, s: Tensor, *, noise_level: float = 1.0) -> Transition:
    """x_s = α_s x̂₁ + √(β_s² − v) ε̂ + √v ε, where x = α_t x̂₁ + β_t ε̂ (Song, Meng and Ermon 2021, Eq. 12).

    With r = α_t/α_s and N = β_t² − r² β_s², the noise of the bridge seen from t, v = η² β_s² N/β_t². At η = 1 that is
    ancestral sampling (DDPM), the memoryless process given x̂₁; at 0 the ODE. Nothing is infinite at t = 0, so a grid
    may begin there. The control moves the endpoint by −(β_t²/α_t) ∇V. Where α_t = 0 it cannot act, nor, with η > 0, in
    the step to t = 1: that has no noise, and what is certain under the base cannot be changed at a finite cost.

    Args:
        schedules: α and β of each modality.
        t: Start of the step, a float64 tensor of shape (), or (K,) for K steps.
        s: Its end, likewise.
        noise_level: η, 0 to 1.

    Raises:
        ConfigError: η is out of range.
    """
    if not (math.isfinite(noise_level) and 0 <= noise_level <= 1):
        raise ConfigError(f"The noise level is {noise_level}.", allowed="0 to 1 in steps of ddim")
    keep, pull, shift, noise = {}, {}, {}, {}
    for name, schedule in schedules.by_modality.items():
        alpha, beta, alpha_s, beta_s = schedule.alpha(t), schedule.beta(t), schedule.alpha(s), schedule.beta(s)
        share = 1 - (alpha * beta_s / (alpha_s * beta)) ** 2  # N/β_t²
        keep[name] = beta_s / beta * torch.sqrt(1 - noise_level**2 * share)
        pull[name] = alpha_s - alpha * keep[name]
        acts = (alpha > 0) & ((beta_s > 0) | (noise_level == 0))
        shift[name] = torch.where(acts, pull[name] * beta**2 / alpha, 0.0)
        noise[name] = noise_level * beta_s * torch.sqrt(share)
    return Transition(keep, pull, shift, noise)
