"""Bounds on what samples are like, kept by an augmented Lagrangian whose inner problem is any objective.

The problem is max E[r] − KL/λ subject to E[c] ≤ 0 for each constraint. For given multipliers m ≥ 0 it is the one that
every objective solves, of the reward r − m c; so the constraints need be neither smooth nor in the reward's unit. Their
multipliers follow the augmented Lagrangian of Gutjahr and De Santi (arXiv 2605.30610): m = max(0, μ + ρ E[c]), then μ
moves towards m. An objective that learns online is never done with its inner problem, so μ moves by a part of the way
each round: the integral term of Stooke, Achiam and Abbeel (ICML 2020), of which ρ is the proportional one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from molvm.errors import CheckpointError, ConfigError
from molvm.rewards.base import Outcome
from molvm.rewards.constraint import Constraint

INDICATOR_SCALE = 0.5
"""The largest standard deviation of what is 0 or 1: the scale of a share."""


@dataclass(frozen=True)
class LagrangianOptions:
    """How multipliers follow the violations. All numbers are without unit: rewards and excesses count in their spreads.

    Args:
        penalty: ρ: what a violation of one spread costs at once.
        rate: Part of that cost that becomes permanent in each round.
        window: Samples over which violations are averaged.

    Raises:
        ConfigError: A number is not positive and finite.
    """

    penalty: float = 1.0
    rate: float = 0.1
    window: float = 128.0

    def __post_init__(self) -> None:
        for name in ("penalty", "rate", "window"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"constraints.{name} is {getattr(self, name)}.", allowed="a positive finite number")


class AugmentedLagrangian:
    """Takes from each reward what its excesses cost at present.

    Args:
        constraints: What is to be kept, C of them; the details of outcomes say by how much each is exceeded.
        options: How multipliers follow.
    """

    name = "lagrangian"

    def __init__(self, constraints: Sequence[Constraint], options: LagrangianOptions | None = None) -> None:
        self.constraints = tuple(constraints)
        self.options = options or LagrangianOptions()
        count = len(self.constraints)
        self.multipliers = torch.zeros(count, dtype=torch.float64)
        """μ, in spreads of the reward for one spread of the excess."""
        self.violations = torch.zeros(count, dtype=torch.float64)
        """Averages of c, in its spreads."""
        self.worst = torch.zeros(count, dtype=torch.float64)
        """Largest c of a molecule so far."""
        self.scales = torch.zeros(count + 1, dtype=torch.float64)
        """Spreads of the excesses, then of the reward, in the first round that has any; 0 before."""

    def __call__(
        self,
        samples: Sequence[Any],  # noqa: ARG002 - the outcomes say it all
        outcomes: Sequence[Outcome],
        rewards: Tensor,
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Arguments and results as for `Adjustment`. Failures count as exceeding each bound by the most seen."""
        valid = torch.tensor([outcome.ok for outcome in outcomes])
        if not bool(valid.any()):
            return rewards, self._metrics(None)
        excesses = torch.tensor(
            [
                [float(outcome.details[constraint.key]) for constraint in self.constraints]
                for outcome in outcomes
                if outcome.ok
            ],
            dtype=torch.float64,
        )
        raw = self._violations(excesses)
        kept = math.exp(-len(raw) / self.options.window) if self._settled else 0.0
        self._settle_scales(raw, rewards[valid].double())
        violations = raw / self.scales[:-1]
        self.violations = kept * self.violations + (1 - kept) * violations.mean(dim=0)
        self.worst = torch.maximum(self.worst, violations.amax(dim=0))
        cost = self._follow()
        costs = torch.empty(len(outcomes), dtype=torch.float64)
        costs[valid], costs[~valid] = violations @ cost, self.worst @ cost
        adjusted = rewards.double() - self.scales[-1] * costs
        return adjusted.to(rewards), self._metrics(excesses)

    def state_dict(self) -> dict[str, Tensor]:
        """All that it remembers."""
        return {name: getattr(self, name).clone() for name in self._remembered}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: It is of another number of constraints.
        """
        for name in self._remembered:
            if name not in state or state[name].shape != getattr(self, name).shape:
                raise CheckpointError(
                    f"The checkpoint has no multipliers of {len(self.constraints)} bounds.",
                    remedy="the reward that the run began with",
                )
        for name in self._remembered:
            setattr(self, name, state[name].clone())

    _remembered = ("multipliers", "violations", "worst", "scales")

    @property
    def _settled(self) -> bool:
        """Whether there was a round with values."""
        return bool(self.scales[-1] > 0)

    def _violations(self, excesses: Tensor) -> Tensor:
        """The c of each molecule, (V, C): the excess, or for a share whether there is one, less the share that may."""
        shares = [constraint.share for constraint in self.constraints]
        columns = [
            excess if share is None else (excess > 0).double() - (1 - share)
            for excess, share in zip(excesses.unbind(1), shares, strict=True)
        ]
        return torch.stack(columns, dim=1)

    def _settle_scales(self, raw: Tensor, rewards: Tensor) -> None:
        if self._settled:
            return
        spreads = torch.cat([raw, rewards[:, None]], dim=1).std(dim=0, correction=0)
        for index, constraint in enumerate(self.constraints):
            if constraint.share is not None:
                spreads[index] = INDICATOR_SCALE
        # One molecule, or molecules that are all alike, have no spread; then numbers count as they are.
        self.scales = torch.where(spreads > 0, spreads, 1.0)

    def _follow(self) -> Tensor:
        """m, and μ moved towards it."""
        step = self.options.penalty * self.violations
        cost = (self.multipliers + step).clamp(min=0)
        self.multipliers = (self.multipliers + self.options.rate * step).clamp(min=0)
        return cost

    def _metrics(self, excesses: Tensor | None) -> dict[str, float]:
        """The multipliers in units of reward for one of excess; the batch's mean excess, or the share that keeps."""
        metrics: dict[str, float] = {}
        for index, constraint in enumerate(self.constraints):
            scale = float(self.scales[-1] / self.scales[index]) if self._settled else 0.0
            metrics[f"multiplier.{constraint.key}"] = float(self.multipliers[index]) * scale
            if excesses is not None:
                column = excesses[:, index]
                measured = column.mean() if constraint.share is None else (column <= 0).double().mean()
                metrics[f"{'excess' if constraint.share is None else 'kept'}.{constraint.key}"] = float(measured)
        return metrics
