"""A step that knows how uncertain the endpoint is, so that few steps keep the samples as wide as the data."""

from __future__ import annotations

import torch
from torch import Tensor

from molvm.models.spread import PosteriorSpread
from molvm.schedules import Schedules
from molvm.sde.transition import Stepper, Transition


def analytic_variance(spread: PosteriorSpread) -> Stepper:
    """Steps of the memoryless process x_s | x_t, x₁ averaged over x₁ | x_t as if that were N(x̂₁, P_t).

    With r = α_t/α_s and N = β_t² − r² β_s², the bridge's noise seen from t,

        x_s = r (β_s²/β_t²) x + α_s (N/β_t²) x̂₁ + ε √(β_s² N/β_t² + (α_s N/β_t²)² P_t),

    exact for any number of steps where the data are an isotropic Gaussian. Nothing is infinite at t = 0, where the step
    is x_s = α_s x̂₁ + ε √(β_s² + α_s² P₀), so a grid may begin there. The control moves the endpoint by −(β_t²/α_t) ∇V,
    hence the state by −(α_s/α_t) N ∇V; at t = 0 it cannot act.

    Args:
        spread: P_t of the model that is simulated.
    """

    def step(schedules: Schedules, t: Tensor, s: Tensor) -> Transition:
        keep, pull, shift, noise = {}, {}, {}, {}
        variances = spread.at(t)
        for name, schedule in schedules.by_modality.items():
            alpha, beta, alpha_s, beta_s = schedule.alpha(t), schedule.beta(t), schedule.alpha(s), schedule.beta(s)
            ratio = alpha / alpha_s
            bridged = beta**2 - ratio**2 * beta_s**2
            pull[name] = alpha_s * bridged / beta**2
            keep[name] = ratio * beta_s**2 / beta**2
            shift[name] = torch.where(alpha > 0, bridged / ratio, 0.0)
            noise[name] = torch.sqrt(beta_s**2 * bridged / beta**2 + pull[name] ** 2 * variances[name])
        return Transition(keep, pull, shift, noise)

    return step
