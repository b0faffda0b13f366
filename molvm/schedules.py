"""Noise schedules: α, β and what follows from them.

Time runs from noise, t = 0, to data, t = 1: x_t = α_t x₁ + β_t x₀. With κ = α̇/α and η = β(κβ − β̇) the memoryless
diffusion is σ² = 2η (Domingo-Enrich et al. 2024, "Adjoint Matching", Thm. 1). All functions take times of any shape
and return tensors of that shape.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.states import State

AnyState = TypeVar("AnyState", bound=State)

ROUNDING_OF_TIMES = 1e-3
"""Of T t, by which a time in float32 may miss the trained one that is meant."""


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


class VariancePreserving(Schedule):
    """α² + β² = 1, given by E = −ln α and its rate −Ė (DDPM); ½∫σ² = E."""

    @abstractmethod
    def _exponent(self, t: Tensor) -> Tensor:
        """E = −ln α."""

    @abstractmethod
    def _rate(self, t: Tensor) -> Tensor:
        """−dE/dt."""

    def alpha(self, t: Tensor) -> Tensor:
        """α = exp(−E), small and not 0 at t = 0."""
        return torch.exp(-self._exponent(t))

    def beta(self, t: Tensor) -> Tensor:
        """β = √(1 − α²)."""
        return torch.sqrt(-torch.expm1(-2 * self._exponent(t)))

    def alpha_dot(self, t: Tensor) -> Tensor:
        """α̇ = −α Ė."""
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
class VariancePreservingSchedule(VariancePreserving):
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


@dataclass(frozen=True)
class TrainedSchedule(VariancePreserving):
    """The schedule of a model that was trained at T discrete times k = T − 1, …, 0 (DDPM).

    Time k lies at t = (T − 1 − k)/T and the data at t = 1. Between these times −ln α is linear.

    Args:
        exponents: −ln α at t = 0, 1/T, …, 1: T positive numbers that fall, and 0.

    Raises:
        ConfigError: They do not.
    """

    exponents: tuple[float, ...] = field(repr=False)

    def __post_init__(self) -> None:
        falls = all(a > b for a, b in pairwise(self.exponents))
        if len(self.exponents) < 2 or not falls or self.exponents[-1] != 0 or not math.isfinite(self.exponents[0]):
            raise ConfigError("A trained schedule needs α that grows with time to 1.", allowed="0 < α < 1 before t = 1")

    @property
    def trained_steps(self) -> int:
        """T."""
        return len(self.exponents) - 1

    def step_of(self, t: Tensor) -> Tensor:
        """The trained time k that is nearest to t, integers of the shape of t; k = 0 at t = 1."""
        last = self.trained_steps - 1
        return (last - torch.round(t.double() * self.trained_steps).long()).clamp(0, last)

    def _exponent(self, t: Tensor) -> Tensor:
        table, index, share = self._place(t)
        return torch.lerp(table[index], table[index + 1], share).to(t.dtype)

    def _rate(self, t: Tensor) -> Tensor:
        table, index, _ = self._place(t)
        return ((table[index] - table[index + 1]) * self.trained_steps).to(t.dtype)

    def _place(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The table, the interval that t lies in, and how far into it."""
        table = torch.tensor(self.exponents, dtype=torch.float64, device=t.device)
        position = t.double() * self.trained_steps
        # A time that is meant to be trained may be off by its rounding.
        nearest = torch.round(position)
        position = torch.where((position - nearest).abs() < ROUNDING_OF_TIMES, nearest, position)
        index = position.floor().long().clamp(0, self.trained_steps - 1)
        return table, index, position - index


@dataclass(frozen=True)
class ShiftedSchedule(_ConvexSchedule):
    """Rectified flow whose noise β = σ' = shift σ/(1 + (shift − 1) σ), σ = 1 − t, stays large for longer.

    Equal steps of t are then the shifted σ grid of Stable Diffusion 3 (Esser et al. 2024, Eq. 23).

    Args:
        shift: 1 for none, 3 for SD3.

    Raises:
        ConfigError: It is not positive and finite.
    """

    shift: float = 3.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.shift) and self.shift > 0):
            raise ConfigError(f"The schedule is shifted by {self.shift}.", allowed="a positive number")

    def alpha(self, t: Tensor) -> Tensor:
        """α = t/(t + shift (1 − t))."""
        return t / self._denominator(t)

    def beta(self, t: Tensor) -> Tensor:
        """β = shift (1 − t)/(t + shift (1 − t))."""
        return self.shift * (1 - t) / self._denominator(t)

    def alpha_dot(self, t: Tensor) -> Tensor:
        """α̇ = shift/(t + shift (1 − t))²."""
        return self.shift / self._denominator(t) ** 2

    def _denominator(self, t: Tensor) -> Tensor:
        return t + self.shift * (1 - t)


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

    @property
    def trained_steps(self) -> int | None:
        """T, if a modality knows no other times than t = 0, 1/T, …, 1."""
        return next(
            (each.trained_steps for each in self.by_modality.values() if isinstance(each, TrainedSchedule)), None
        )

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
