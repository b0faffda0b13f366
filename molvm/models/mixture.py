"""Gaussian mixtures: density, draws, moments, and the posterior after adding noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """M Gaussians in d dimensions, or one such mixture for each of B samples.

    Args:
        log_weights: Normalised, shape (..., M).
        means: Shape (..., M, d).
        covariances: Full, shape (..., M, d, d).
    """

    log_weights: Tensor
    means: Tensor
    covariances: Tensor

    @classmethod
    def of(
        cls, weights: Sequence[float] | Tensor, means: object, covariances: object, dtype: torch.dtype = torch.float64
    ) -> GaussianMixture:
        """A mixture from plain numbers.

        Args:
            weights: M positive numbers; they are normalised.
            means: Shape (M, d).
            covariances: Shape (M, d, d), or (M, d) for diagonal ones.
            dtype: Floating-point type.
        """
        mean = torch.as_tensor(means, dtype=dtype)
        covariance = torch.as_tensor(covariances, dtype=dtype)
        if covariance.ndim == mean.ndim:
            covariance = torch.diag_embed(covariance)
        weight = torch.as_tensor(weights, dtype=dtype)
        return cls(torch.log(weight / weight.sum()), mean, covariance)

    @property
    def dimension(self) -> int:
        """The number of coordinates d."""
        return self.means.shape[-1]

    def select(self, index: Tensor | int) -> GaussianMixture:
        """The mixtures at `index` of a batch of them."""
        chosen = GaussianMixture(self.log_weights[index], self.means[index], self.covariances[index])
        variances, axes = self.principal_axes
        chosen.__dict__["principal_axes"] = (variances[index], axes[index])
        return chosen

    def component_log_density(self, x: Tensor) -> Tensor:
        """Log wᵢ N(x; mᵢ, Sᵢ), shape (..., M), at points of shape (..., d)."""
        factor = torch.linalg.cholesky(self.covariances)
        offset = (x[..., None, :] - self.means)[..., None]
        whitened = torch.linalg.solve_triangular(factor, offset, upper=False).squeeze(-1)
        log_volume = factor.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
        constant = self.dimension * math.log(2 * math.pi) / 2
        density: Tensor = self.log_weights - whitened.square().sum(dim=-1) / 2 - log_volume - constant
        return density

    def log_density(self, x: Tensor) -> Tensor:
        """Log p at points of shape (..., d), shape (...)."""
        density: Tensor = torch.logsumexp(self.component_log_density(x), dim=-1)
        return density

    def mean(self) -> Tensor:
        """E x, shape (..., d)."""
        return (self.log_weights.exp()[..., None] * self.means).sum(dim=-2)

    def covariance(self) -> Tensor:
        """Cov x, shape (..., d, d)."""
        offset = self.means - self.mean()[..., None, :]
        within = self.covariances + offset[..., :, None] * offset[..., None, :]
        return (self.log_weights.exp()[..., None, None] * within).sum(dim=-3)

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent draws of one mixture, shape (count, d)."""
        chosen = torch.multinomial(self.log_weights.exp(), count, replacement=True, generator=generator)
        noise = torch.randn(count, self.dimension, 1, generator=generator, dtype=self.means.dtype)
        factor = torch.linalg.cholesky(self.covariances)
        draws: Tensor = self.means[chosen] + (factor[chosen] @ noise).squeeze(-1)
        return draws

    def posterior(self, x: Tensor, alpha: Tensor, beta: Tensor) -> GaussianMixture:
        """x₁ given x_t = αx₁ + βε.

        Args:
            x: x_t, shape (B, d).
            alpha: Shape (B,) or ().
            beta: Shape (B,) or (), positive.
        """
        log_weights, means = self._posterior_weights_and_means(x, alpha, beta)
        variances, axes = self.principal_axes
        a, b = alpha[..., None, None], beta[..., None, None]
        shrunk = b**2 * variances / (a**2 * variances + b**2)
        covariances = (axes * shrunk[..., None, :]) @ axes.mT
        return GaussianMixture(log_weights, means, covariances.expand(*means.shape, self.dimension))

    def posterior_mean(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """E[x₁ | x_t = x], shape (B, d); arguments as for `posterior`."""
        log_weights, means = self._posterior_weights_and_means(x, alpha, beta)
        mean: Tensor = (log_weights.exp()[..., None] * means).sum(dim=-2)
        return mean

    @cached_property
    def principal_axes(self) -> tuple[Tensor, Tensor]:
        """Variances, shape (..., M, d), along orthonormal axes, the columns of matrices of shape (..., M, d, d).

        Adding isotropic noise does not turn the axes, so that nothing has to be factorised at each time.
        """
        variances, axes = torch.linalg.eigh(self.covariances)
        return variances, axes

    def _posterior_weights_and_means(self, x: Tensor, alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        variances, axes = self.principal_axes
        a, b = alpha[..., None, None], beta[..., None, None]
        noised = a**2 * variances + b**2
        offset = ((x[..., None, :] - a * self.means)[..., None, :] @ axes).squeeze(-2)
        evidence = self.log_weights - ((offset.square() / noised) + torch.log(noised)).sum(dim=-1) / 2
        pulled = (axes @ (a * variances / noised * offset)[..., None]).squeeze(-1)
        return torch.log_softmax(evidence, dim=-1), self.means + pulled
