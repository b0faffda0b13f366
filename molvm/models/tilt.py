"""Rewards whose exponential has a closed-form expectation under a Gaussian mixture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.models.mixture import GaussianMixture


class ExactReward(Protocol):
    """A reward whose exponential has a closed-form expectation under a mixture."""

    def __call__(self, x: Tensor) -> Tensor:
        """R at points of shape (B, d), shape (B,)."""
        ...

    def log_partition(self, law: GaussianMixture, strength: float) -> Tensor:
        """Log E exp(λ r(x)) under each mixture of a batch, shape (...)."""
        ...


@dataclass(frozen=True)
class QuadraticReward:
    """r(x) = slope · x − ½ curvature |x − centre|².

    Args:
        slope: d numbers.
        curvature: Not negative.
        centre: d numbers; the origin if left out.
    """

    slope: tuple[float, ...]
    curvature: float = 0.0
    centre: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.curvature < 0:
            raise ConfigError(f"The curvature is {self.curvature}.", allowed="a number from 0")

    def __call__(self, x: Tensor) -> Tensor:
        """R at points of shape (B, d), shape (B,)."""
        slope, centre = self._vectors(x)
        return x @ slope - self.curvature / 2 * (x - centre).square().sum(dim=-1)

    def tilt(self, law: GaussianMixture, strength: float) -> tuple[GaussianMixture, Tensor]:
        """The law ∝ p exp(λr) and log Z = log E exp(λr).

        With y = x − m, q = λ · curvature and g = λ ∇r(m): λr = λr(m) + g · y − ½q|y|², so the component's covariance
        becomes C = (I + qS)⁻¹S, its mean m + Cg and log Z = λr(m) + ½gᵀCg − ½ log det(I + qS).
        """
        slope, centre = self._vectors(law.means)
        q = strength * self.curvature
        g = (strength * slope - q * (law.means - centre))[..., None]
        matrix = torch.eye(law.dimension, dtype=law.means.dtype) + q * law.covariances
        covariances = torch.linalg.solve(matrix, law.covariances)
        shift = covariances @ g
        log_z = strength * self(law.means) + (g * shift).sum(dim=(-2, -1)) / 2 - torch.logdet(matrix) / 2
        joint = law.log_weights + log_z
        total = torch.logsumexp(joint, dim=-1)
        return GaussianMixture(joint - total[..., None], law.means + shift.squeeze(-1), covariances), total

    def log_partition(self, law: GaussianMixture, strength: float) -> Tensor:
        """Log E exp(λ r(x)) under each mixture of a batch, shape (...)."""
        return self.tilt(law, strength)[1]

    def _vectors(self, like: Tensor) -> tuple[Tensor, Tensor]:
        slope = torch.tensor(self.slope, dtype=like.dtype)
        return slope, torch.zeros_like(slope) if self.centre is None else torch.tensor(self.centre, dtype=like.dtype)


@dataclass(frozen=True)
class IntervalReward:
    """r(x) = 1 if low ≤ x ≤ high, else 0, in one dimension: black-box and discontinuous."""

    low: float
    high: float

    def __call__(self, x: Tensor) -> Tensor:
        """R at points of shape (B, 1), shape (B,)."""
        return ((x >= self.low) & (x <= self.high)).squeeze(-1).to(x.dtype)

    def probability(self, law: GaussianMixture) -> Tensor:
        """P(low ≤ x ≤ high), shape (...)."""
        means, deviations = law.means.squeeze(-1), law.covariances.squeeze(-1).squeeze(-1).sqrt()
        upper, lower = ((bound - means) / deviations for bound in (self.high, self.low))
        inside = torch.special.ndtr(upper) - torch.special.ndtr(lower)
        probability: Tensor = (law.log_weights.exp() * inside).sum(dim=-1)
        return probability

    def log_partition(self, law: GaussianMixture, strength: float) -> Tensor:
        """log(1 + (e^λ − 1) P(in)), shape (...)."""
        log_z: Tensor = torch.log1p(math.expm1(strength) * self.probability(law))
        return log_z
