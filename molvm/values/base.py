"""V(x, t) = λ (v₀(c) + s gate(t) f(x, t)): the value function around any network f."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from molvm.errors import ConfigError, StateError
from molvm.models.differentiate import differentiate
from molvm.schedules import Schedules
from molvm.states import State, in_lanes

Reads = Literal["state", "endpoint"]
"""What a network f is given: x_t, or the base model's x̂₁(x_t, t)."""

PRIOR_COUNT = 4.0
"""How many samples the mean over all conditions is worth where a condition has been seen for the first time."""

SAME_REWARD = 1e-6
"""Rewards whose spread is below this share of the largest differ by rounding alone."""


class ValueNet(nn.Module):
    """A value function with the two facts built in that hold for every memoryless process.

    The process forgets its start, so V(·, 0) is a constant −log Z_c given the condition c: it is a table v₀ of its own,
    and the network is multiplied by a gate that vanishes at t = 0, which removes the control where σ is infinite. V
    scales with the strength λ and with the spread s of the reward, so the network learns numbers of order one whatever
    the reward's unit, and starts at V − V₀ = 0 if its last layer is zero.

    A network may read the base model's endpoint instead of the state: V(x, t) = λ (v₀ + s gate h(x̂₁(x, t), t)). It has
    what the base knows of the sample, which a small network cannot infer from x_t. Its `reads` is then "endpoint", what
    is called x below is x̂₁, and ∇V with respect to x_t is `FlowModel.differentiate_endpoint` of it.

    Args:
        features: The network f: `(x: State, t: Tensor (B,)) -> Tensor (B,)`, with a zero-initialised output. If it has
            `samples_at_once`, gradients are computed in portions of about so many samples, on all cores. If it has
            `observe`, that is shown the states that rollouts visit.
        schedules: α and β of each modality; the gate is the largest α.
        strength: λ, finite and not negative.
        conditions: The values a condition can take (numbers of atoms, classes); None for a process without condition.
        gated: Whether gate(t) is the largest α, or 1 as in the paper.

    Raises:
        ConfigError: λ is negative or not finite, or there are no conditions in the list.
    """

    conditions: Tensor
    baseline: Tensor
    baseline_count: Tensor
    scale: Tensor

    def __init__(
        self,
        features: nn.Module,
        schedules: Schedules,
        strength: float,
        *,
        conditions: Sequence[int] | None = None,
        gated: bool = True,
    ) -> None:
        super().__init__()
        if not (math.isfinite(strength) and strength >= 0):
            raise ConfigError(f"The strength λ is {strength}.", allowed="a finite number, 0 or larger")
        if conditions is not None and len(conditions) == 0:
            raise ConfigError("A conditional value function got no condition values.", allowed="at least one")
        self.features = features
        self.schedules = schedules
        self.strength = float(strength)
        self.gated = gated
        self.conditional = conditions is not None
        values = sorted(set(conditions)) if conditions is not None else [0]
        self.register_buffer("conditions", torch.tensor(values, dtype=torch.int64))
        self.register_buffer("baseline", torch.zeros(len(values)))
        self.register_buffer("baseline_count", torch.zeros(len(values)))
        self.register_buffer("scale", torch.zeros(()))  # 0 until it is settled
        self.reads: Reads = getattr(features, "reads", "state")

    def forward(self, x: State, t: Tensor) -> Tensor:
        """V(x, t) in nats, shape (B,), for times of shape (B,)."""
        x = x.to(dtype=self.dtype)
        index = self.condition_index(x.condition, len(x))
        return self.strength * self.baseline.to(self.dtype)[index] + self._varying(x, t)

    def gradient(self, x: State, t: Tensor) -> State:
        """∇V(x, t), with respect to what it reads, in the geometry of the state space; detached, in x's type."""
        at_once: int | None = getattr(self.features, "samples_at_once", None)
        return self._gradient(x, t) if at_once is None else in_lanes(self._gradient, x, t, at_once)

    def _gradient(self, x: State, t: Tensor) -> State:
        _, gradient = differentiate(lambda x, _: x, self._varying, x.to(dtype=self.dtype), t)
        return gradient.to(dtype=x.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of the network."""
        return next((parameter.dtype for parameter in self.features.parameters()), torch.float32)

    @property
    def unit(self) -> float:
        """λ s, what the network's output is multiplied by, in nats."""
        return self.strength * (float(self.scale) or 1.0)

    def initial_value(self, condition: Tensor | None = None) -> Tensor:
        """V(·, 0; c) = λ v₀(c), the estimate of −log Z_c: for the given conditions, or () without one."""
        if condition is None and not self.conditional:
            return self.strength * self.baseline[0]
        count = len(condition) if condition is not None else 0
        return self.strength * self.baseline[self.condition_index(condition, count)]

    def log_partitions(self) -> Tensor:
        """Estimates of log Z_c for all conditions, shape (k,); the mean of the others where one was never seen."""
        known = self.baseline_count > 0
        mean = self.baseline[known].mean() if bool(known.any()) else torch.zeros(())
        return -self.strength * torch.where(known, self.baseline, mean)

    def condition_index(self, condition: Tensor | None, count: int) -> Tensor:
        """The rows of the table v₀ that belong to conditions, integers of shape (count,).

        Raises:
            StateError: A condition that is not in the table, or none where the table has several.
        """
        if not self.conditional:
            return torch.zeros(count, dtype=torch.int64, device=self.conditions.device)
        if condition is None:
            raise StateError("The value function is conditional, but the samples have no condition.")
        condition = condition.to(self.conditions)
        index = torch.searchsorted(self.conditions, condition).clamp(max=len(self.conditions) - 1)
        unknown = condition[self.conditions[index] != condition]
        if len(unknown):
            raise StateError(
                f"The value function does not know the condition {int(unknown[0])}.",
                allowed=f"{self.conditions.tolist()}",
                remedy="training with this condition, or sampling another one",
            )
        return index

    @torch.no_grad()
    def update_baseline(self, condition: Tensor | None, values: Tensor, window: float) -> None:
        """Move V₀(c) towards estimates of it: a running mean within each condition over about `window` samples.

        A condition seen for the first time starts from the mean over all conditions seen before, worth a few samples,
        so that a rare one is not set by a single draw.

        Args:
            condition: Integers of shape (B,), or None.
            values: Estimates of V(·, 0; c) in nats, shape (B,).
            window: Number of samples after which old ones fade.
        """
        if self.strength == 0:
            return
        index = self.condition_index(condition, len(values))
        values = (values / self.strength).to(self.baseline)
        counts = torch.zeros_like(self.baseline).index_add_(0, index, torch.ones_like(values))
        sums = torch.zeros_like(self.baseline).index_add_(0, index, values)
        known = self.baseline_count > 0
        if bool(known.any()):
            prior = (self.baseline * self.baseline_count)[known].sum() / self.baseline_count[known].sum()
        else:
            prior = values.mean()
        self.baseline.copy_(torch.where(known, self.baseline, prior))
        before = torch.where(known, self.baseline_count, PRIOR_COUNT if self.conditional else 0.0)
        total = (before + counts).clamp(max=window)
        share = torch.where(counts > 0, counts / total.clamp(min=1.0), 0.0).clamp(max=1.0)
        self.baseline.add_(share * (sums / counts.clamp(min=1.0) - self.baseline))
        self.baseline_count.copy_(torch.where(counts > 0, total, self.baseline_count))

    @torch.no_grad()
    def settle_log_partition(self, condition: Tensor | None, log_weights: Tensor) -> None:
        """Set V₀(c) to −log E[exp(log weight) given c], as if about their mean the weights had one law for all c.

        A single weight that is much larger than all others, which would rule a condition of few samples, counts as one
        among all of them.

        Args:
            condition: Integers of shape (B,), or None.
            log_weights: In nats, shape (B,): λr of samples of the base.
        """
        if self.strength == 0:
            return
        self.update_baseline(condition, -log_weights, math.inf)
        about_mean = log_weights + self.initial_value(condition).to(log_weights)
        excess = torch.logsumexp(about_mean, dim=0) - math.log(len(log_weights))
        self.baseline -= excess.to(self.baseline) / self.strength

    @torch.no_grad()
    def update_log_partition(self, condition: Tensor | None, log_weights: Tensor, window: float) -> None:
        """Move V₀(c) towards −log E[exp(log weight) given c]: a running mean of the weights within each condition.

        A condition draws on no other, unlike in `update_baseline`: a much larger Z would outweigh all samples to come.
        One that has not been seen stands at the mean over all samples.

        Args:
            condition: Integers of shape (B,), or None.
            log_weights: In nats, shape (B,): λr of samples of the base.
            window: Number of samples after which old ones fade.
        """
        if self.strength == 0:
            return
        index = self.condition_index(condition, len(log_weights)).to(log_weights.device)
        rows, place, counts = torch.unique(index, return_inverse=True, return_counts=True)
        log_weights = log_weights.to(torch.float64)
        largest = log_weights.new_full((len(rows),), -torch.inf).scatter_reduce_(0, place, log_weights, "amax")
        sums = torch.zeros_like(largest).index_add_(0, place, torch.exp(log_weights - largest[place]))
        total = (self.baseline_count[rows] + counts).clamp(max=window)
        share = (counts / total).clamp(max=1.0).to(torch.float64)
        old = -self.strength * self.baseline[rows].to(torch.float64) + torch.log1p(-share)
        new = torch.logaddexp(old, largest + torch.log(share * sums / counts))
        self.baseline[rows] = (-new / self.strength).to(self.baseline)
        self.baseline_count[rows] = total
        known = self.baseline_count > 0
        masses = -self.strength * self.baseline[known] + self.baseline_count[known].log()
        pooled = torch.logsumexp(masses, dim=0) - self.baseline_count.sum().log()
        self.baseline[~known] = -pooled / self.strength

    @property
    def observes(self) -> bool:
        """Whether the network wants to be shown states."""
        return hasattr(self.features, "observe")

    @torch.no_grad()
    def observe(self, x: State, t: Tensor) -> None:
        """Show the network states that a rollout has visited, at times of shape (B,)."""
        observe = getattr(self.features, "observe", None)
        if observe is not None:
            observe(x.to(dtype=self.dtype), t.to(self.dtype))

    @torch.no_grad()
    def settle_scale(self, rewards: Tensor) -> None:
        """Take s, the standard deviation of these rewards, shape (B,), unless it is settled already or they are equal.

        One s serves all conditions. Until it is settled it is 1.
        """
        spread = spread_of(rewards)
        if float(self.scale) == 0 and spread is not None:
            self.scale.copy_(spread)

    def _varying(self, x: State, t: Tensor) -> Tensor:
        t = t.to(x.dtype)
        value: Tensor = self.unit * self.features(x, t)
        return value * self.schedules.most_advanced_alpha(t) if self.gated else value


def spread_of(rewards: Tensor) -> Tensor | None:
    """The standard deviation of rewards, shape (B,); None if they differ by rounding alone."""
    rewards = rewards.double()
    spread = rewards.std(correction=0)
    return spread if bool(spread > SAME_REWARD * rewards.abs().max()) else None
