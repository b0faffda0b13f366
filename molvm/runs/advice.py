"""Settings that are allowed and seldom meant, and what to say of them. Nothing is refused here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from torch import Tensor

STRONG: Final = 20.0
"""Nats for one standard deviation of the reward beyond which training on molecules was seen to run away."""

ENOUGH_FOR_A_FLOOR: Final = 24
"""Molecules of the base of which the worst is about as bad as they come."""

LEARNABLE: Final = (5.0, 10.0)
"""Nats for one standard deviation with which it worked (RESULTS.md, the main job)."""


MISSED: Final = 0.5
"""Nats of log Z that samples of the base know of and steered paths do not; two fifths of p* are worth as much."""

ENOUGH_OF_THE_BASE: Final = 30.0
"""Effective samples of the base by which its bound is known to about a fifth of a nat."""

SETTLED: Final = 0.5
"""Effective share of the steered paths' weights from which on they pass for samples of p*."""


def about_missed_modes(metrics: Mapping[str, float]) -> str | None:
    """What to say where the paths' own weights look converged and samples of the base contradict them."""
    excess, samples = metrics.get("base_excess", 0.0), metrics.get("base_samples", 0.0)
    if excess < MISSED or samples < ENOUGH_OF_THE_BASE or metrics.get("ess", 0.0) < SETTLED:
        return None
    return (
        f"The steered samples miss a part of p*: their own weights are even, but samples of the base put log Z "
        f"{excess:.2f} nats higher than they do, so that about {1 - math.exp(-excess):.0%} of p* lies where nothing "
        "is steered to any more. More rounds of training.warmup, a smaller training.learning_rate or a smaller "
        "training.strength keep what is lost."
    )


def about_strength(strength: float, rewards: Tensor, unit: str, kl_limit: float | None) -> str | None:
    """What to say of λ once the base's own rewards are known, shape (B,)."""
    spread = float(rewards.std(correction=0))
    if kl_limit is not None or strength * spread <= STRONG:
        return None
    low, high = (f"{nats / spread:.2g}" for nats in LEARNABLE)
    deviation = f"{spread:.2g} {unit}".strip()
    return (
        f"λ = {strength:g} is strong: one standard deviation of this reward, {deviation}, is worth "
        f"{strength * spread:.0f} nats. What {low} to {high} ask for can be learned from some thousands of molecules; "
        "far above, samples leave what the base model knows. To keep them near it whatever λ is, set "
        "sampling.kl_limit, 10 for instance."
    )


def about_floor(declared: float | None, batch_size: int, floor: float, unit: str) -> str | None:
    """What to say of a floor that was settled by a few samples of the base."""
    if declared is not None or batch_size >= ENOUGH_FOR_A_FLOOR:
        return None
    return (
        f"A failure is worth {floor:g} {unit}".rstrip()
        + f" in this run, the worst of {batch_size} samples of the base. "
        "Sound samples that are worse will count as no more than a failure: state a floor, by reward.floor or with "
        "the reward."
    )


def about_warmup(warmup: int, iterations: int) -> str | None:
    """What to say of a training that ends before anything steers."""
    if warmup < iterations:
        return None
    return (
        f"training.warmup is {warmup} and training.iterations {iterations}: the base model alone makes all "
        "the molecules of this training; only those that are sampled afterwards are steered."
    )


def about_steps(steps: int, trained: int) -> str | None:
    """What to say of samples drawn in much longer steps than the value function was trained in."""
    if 2 * steps >= trained:
        return None
    return (
        f"{steps} steps are few for a value function that was trained with {trained}: a control is held over each "
        "step, and the molecules may be worse than the base model's."
    )
