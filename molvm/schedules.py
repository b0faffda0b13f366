"""Noise schedules: α, β and what follows from them.

Time runs from noise, t = 0, to data, t = 1: x_t = α_t x₁ + β_t x₀. With κ = α̇/α and η = β(κβ − β̇) the memoryless
diffusion is σ² = 2η (Domingo-Enrich et al. 2024, "Adjoint Matching", Thm. 1). All functions take times of any shape
and return tensors of that shape.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.states import State

AnyState = TypeVar("AnyState", bound=State)


class Schedule(ABC):
    """One modality's path from noise to data."""

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Weight of the data, 0 at t = 0 and 1 at t = 1."""

    @abstractmethod
    def beta(self, t: Tensor) -> Tensor:
        """Weight of the noise, 1 at t = 0 and 0 at t = 1."""

    @abstractmethod
    def alpha_dot(self, t: Tensor) -> Tensor:
        """dα/dt."""

    @abstractmethod
    def beta_dot(self, t: Tensor) -> Tensor:
        """dβ/dt."""

    @abstractmethod
    def half_variance_to_go(self, t: Tensor) -> Tensor:
        """½∫_t^1 σ² ds of the memoryless diffusion, in closed form; infinite at t = 0."""

    def kappa(self, t: Tensor) -> Tensor:
        """κ = α̇/α; infinite at t = 0."""
        return self.alpha_dot(t) / self.alpha(t)

    def eta(self, t: Tensor) -> Tensor:
        """η = β(κβ − β̇); infinite at t = 0, zero at t = 1."""
        beta = self.beta(t)
        return beta * (self.kappa(t) * beta - self.beta_dot(t))

    def sigma_squared(self, t: Tensor) -> Tensor:
        """Memoryless σ² = 2η."""
        return 2 * self.eta(t)


class _ConvexSchedule(Schedule):
    """β = 1 − α, so η = βα̇/α and ½∫σ² = α − 1 − ln α."""

    def beta_dot(self, t: Tensor) -> Tensor:
        return -self.alpha_dot(t)

    def eta(self, t: Tensor) -> Tensor:
        return self.beta(t) * self.kappa(t)

    def half_variance_to_go(self, t: Tensor) -> Tensor:
        alpha = self.alpha(t)
        return alpha - 1 - torch.log(alpha)


@dataclass(frozen=True)
class LinearSchedule(_ConvexSchedule):
    """α = t, β = 1 − t (rectified flow)."""

    def alpha(self, t: Tensor) -> Tensor:
        """α = t."""
        return t

    def beta(self, t: Tensor) -> Tensor:
        """β = 1 − t."""
        return 1 - t

    def alpha_dot(self, t: Tensor) -> Tensor:
        """α̇ = 1."""
        return torch.ones_like(t)


@dataclass(frozen=True)
class CosineSchedule(_ConvexSchedule):
    """α = sin²(π t^ν / 2), β = cos²(π t^ν / 2) (FlowMol, arXiv 2404.19739).

    Args:
        nu: Exponent ν > 0; a larger one keeps the modality noisy for longer.

    Raises:
        ConfigError: ν is not positive and finite.
    """

    nu: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.nu) and self.nu > 0):
            raise ConfigError(f"The cosine schedule got ν = {self.nu}.", allowed="a positive number")

    def alpha(self, t: Tensor) -> Tensor:
        """α = sin²(π t^ν / 2)."""
        return torch.sin(math.pi / 2 * t**self.nu) ** 2

    def beta(self, t: Tensor) -> Tensor:
        """β = cos²(π t^ν / 2), without the cancellation of 1 − α near t = 1."""
        return torch.cos(math.pi / 2 * t**self.nu) ** 2

    def alpha_dot(self, t: Tensor) -> Tensor:
        """α̇ = (π/2) ν t^(ν−1) sin(π t^ν)."""
        return math.pi / 2 * self.nu * t ** (self.nu - 1) * torch.sin(math.pi * t**self.nu)


@dataclass(frozen=True)
class VariancePreservingSchedule(Schedule):
    """A schedule with α² + β² = 1, α = exp(−½B), B = β_max-to-β_min linear diffusion of total T (DDPM, continuous).

    Args:
        beta_min: Diffusion rate at the data end.
        beta_max: Diffusion rate at the noise end.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def _exponent(self, t: Tensor) -> Tensor:
        s = 1 - t
        return (self.beta_min * s + (self.beta_max - self.beta_min) * s**2 / 2) / 2

    def _rate(self, t: Tensor) -> Tensor:
        return (self.beta_min + (self.beta_max - self.beta_min) * (1 - t)) / 2

    def alpha(self, t: Tensor) -> Tensor:
        """α = exp(−½∫ rate), about 0.007 and not 0 at t = 0."""
        return torch.exp(-self._exponent(t))

    def beta(self, t: Tensor) -> Tensor:
        """β = √(1 − α²)."""
        return torch.sqrt(-torch.expm1(-2 * self._exponent(t)))

    def alpha_dot(self, t: Tensor) -> Tensor:
        """α̇ = α · rate/2."""
        return self.alpha(t) * self._rate(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        """β̇ = −αα̇/β."""
        return -self.alpha(t) * self.alpha_dot(t) / self.beta(t)

    def eta(self, t: Tensor) -> Tensor:
        """η = κ, because β(κβ + αα̇/β) = κ(β² + α²)."""
        return self.kappa(t)

    def half_variance_to_go(self, t: Tensor) -> Tensor:
        """−ln α."""
        return self._exponent(t)


@dataclass(frozen=True)
class Schedules:
    """The schedules of all modalities of a model, evaluated together.

    Args:
        by_modality: Modality name to its schedule.
    """

    by_modality: Mapping[str, Schedule]

    def collect(self, quantity: Callable[[Schedule], Tensor]) -> dict[str, Tensor]:
        """`quantity(schedule)` of each modality."""
        return {name: quantity(schedule) for name, schedule in self.by_modality.items()}

    def alpha(self, t: Tensor) -> dict[str, Tensor]:
        """α of each modality."""
        return self.collect(lambda schedule: schedule.alpha(t))

    def beta(self, t: Tensor) -> dict[str, Tensor]:
        """β of each modality."""
        return self.collect(lambda schedule: schedule.beta(t))

    def most_advanced_alpha(self, t: Tensor) -> Tensor:
        """The largest α of the modalities: how much of the data the most advanced of them shows already."""
        return reduce(torch.maximum, self.alpha(t).values())

    def value_weight(self, t: Tensor) -> Tensor:
        """The paper's regression weight w(t)·λ² = mean over modalities of 1/(1 + ½∫_t^1 σ²) (VM Eq. 50); 0 at t = 0."""
        weights = [1 / (1 + schedule.half_variance_to_go(t)) for schedule in self.by_modality.values()]
        return torch.stack(weights).mean(dim=0)


def interpolate(schedules: Schedules, noise: AnyState, data: AnyState, t: Tensor) -> AnyState:
    """x_t = α_t x₁ + β_t x₀, each modality by its own schedule, for times of shape (B,)."""
    return data.scale(schedules.alpha(t)) + noise.scale(schedules.beta(t))
