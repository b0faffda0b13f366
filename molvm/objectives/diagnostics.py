"""What importance weights of paths say about log Z and about how far the sampler is from p*.

Everything is computed within each value of the condition, then averaged with the frequency of the conditions: the
sampler draws the condition c first, and log Z_c differs from one to the next without anything being wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molvm.sde import effective_particles


@dataclass(frozen=True)
class PathDiagnostics:
    """Numbers in nats, but for the sample size.

    In a group of n samples the effective share cannot fall below 1/n nor the gap exceed the best log weight less the
    mean, so small batches of many conditions look better than they are. Report figures of large samples.

    All of them are blind to modes that the sampler never visits: necessary signs of convergence, not sufficient ones.

    Args:
        log_z_lower: Mean log weight; its expectation is log Z − KL(P^u ‖ P*), hence a lower bound.
        log_z: log of the mean weight, consistent and biased low by the size of the sample.
        kl_gap: log_z − log_z_lower, an estimate of KL(P^u ‖ P*).
        ess: Effective sample size as a share of the samples, from 1/n to 1.
    """

    log_z_lower: float
    log_z: float
    kl_gap: float
    ess: float


def path_diagnostics(log_weights: Tensor, condition: Tensor | None = None) -> PathDiagnostics:
    """Diagnose a batch of paths.

    A condition with a single sample has no spread to speak of, so its gap of 0 and sample size of 1 are left out of
    those two averages unless there is nothing else.

    Args:
        log_weights: log dP*/dP^u + log Z of each path, shape (B,), B ≥ 1.
        condition: Integers of shape (B,), or None if there is none.
    """
    log_weights = log_weights.double()
    values = [] if condition is None else sorted(set(condition.tolist()))
    groups = [log_weights[condition == value] for value in values] or [log_weights]
    repeated = [group for group in groups if len(group) > 1] or groups
    return PathDiagnostics(
        log_z_lower=float(log_weights.mean()),
        log_z=_average([float(log_mean_exp(group)) for group in groups], groups),
        kl_gap=_average([float(log_mean_exp(group) - group.mean()) for group in repeated], repeated),
        ess=_average([float(effective_share(group)) for group in repeated], repeated),
    )


def log_mean_exp(log_weights: Tensor) -> Tensor:
    """Logarithm of the mean of exp, shape ()."""
    return torch.logsumexp(log_weights, dim=0) - torch.log(log_weights.new_tensor(float(len(log_weights))))


def effective_share(log_weights: Tensor) -> Tensor:
    """(Σw)² / (n Σw²), shape ()."""
    return effective_particles(log_weights[None])[0] / len(log_weights)


def _average(values: list[float], groups: list[Tensor]) -> float:
    total = sum(len(group) for group in groups)
    return sum(value * len(group) for value, group in zip(values, groups, strict=True)) / total
