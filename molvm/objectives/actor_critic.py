"""What DPOK and CT-PPO have beside policy gradients: a critic, and the KL from the base in closed form."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

import torch
from torch import Tensor, nn

from molvm.objectives.base import Rollout
from molvm.objectives.policy_gradient import PolicyGradient, PolicyGradientOptions, require_positive
from molvm.objectives.residual_objective import Ingredients
from molvm.sde import Trajectory, Transition
from molvm.states import State, rows_in_lanes
from molvm.values.base import ValueNet
from molvm.values.control import ControlNet


@dataclass(frozen=True)
class ActorCriticOptions(PolicyGradientOptions):
    """How a critic is learned, beside what `PolicyGradientOptions` says.

    Args:
        baseline_window: Samples over which the critic's start, V(·, 0) of each condition, is averaged.

    Raises:
        ConfigError: A number that is not positive, or another log density.
    """

    baseline_window: float = 256.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("baseline_window", self.baseline_window)


ActorCriticOptionsT = TypeVar("ActorCriticOptionsT", bound=ActorCriticOptions)


class ActorCritic(PolicyGradient[ActorCriticOptionsT]):
    """Policy gradients with a critic, and a loss in nats, so that λ is the run's.

    The critic is a `ValueNet`, V(x_k, t_k) ≈ E[Σ_{j≥k} c_j − λr | x_k] under the current control, with the costs c_j
    of a method; the advantage is what a path has paid less than that. To the loss each step adds its KL from the base's
    step, ½|shift g / noise|², exact for two Gaussians of one variance, and the critic's squared error in units of λ s.
    One optimiser steps both networks, whose losses do not see each other.

    Args:
        control: What is trained, and steers.
        options: How.
        critic: Fresh, of the control's λ.
    """

    added = ("kl_step", "critic_error")

    def __init__(self, control: ControlNet, options: ActorCriticOptionsT, critic: ValueNet) -> None:
        super().__init__(control, options)
        self.critic = critic
        self._advantages = self._targets = torch.zeros(0)

    @classmethod
    def of(cls, control: ControlNet, options: ActorCriticOptionsT, ingredients: Ingredients) -> Self:
        """The algorithm, its critic of the size of the control."""
        model = ingredients.model
        conditions = getattr(model, "conditions", None)
        critic = ValueNet(ingredients.critic(), model.schedules, control.strength, conditions=conditions)
        return cls(control, options, critic)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The control and the critic."""
        return {"control": self.control, "critic": self.critic}

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """Note the controls that the paths took, and by how much they have surprised the critic.

        Returns:
            kl (mean ½∫|u|²) and the `PathDiagnostics`.

        Raises:
            ConfigError: The rollout lacks states or noise, or a step has none.
        """
        found, path = super().observe(rollout), rollout.trajectory
        worth = rollout.strength * rollout.rewards
        costs = self.costs(path)
        self.critic.settle_scale(rollout.rewards)
        self.critic.update_baseline(path.condition, costs.sum(dim=0) - worth, self.options.baseline_window)
        for x, time in zip(path.states[:-1], path.times, strict=False):
            self.critic.observe(x, time.expand(len(x)))
        values = torch.stack([*(self._value(path, k) for k in range(path.steps)), -worth.to(costs)])
        self._advantages = advantages_along(values, costs, self.trace)
        self._targets = values[:-1] - self._advantages
        return found

    @property
    def trace(self) -> float:
        """How much of the surprise of a later step counts, by step: 1 for all, without the critic's bias."""
        return 1.0

    @abstractmethod
    def costs(self, path: Trajectory) -> Tensor:
        """What each step costs beside the reward, in nats, shape (K, B)."""

    def advantages_of(self, rollout: Rollout, k: int) -> Tensor:  # noqa: ARG002 - of the rollout that was observed
        """In nats."""
        return self._advantages[k]

    def addition(self, rollout: Rollout, k: int, index: Tensor, field: State) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The KL of the step, and the critic's error."""
        x = rollout.trajectory.states[k].select(index)
        kl = step_kl(rollout.trajectory.transitions[k], field)
        value = self.critic(x, rollout.trajectory.times[k].expand(len(index)))
        error = ((value - self._targets[k][index].to(value)) / self.critic.unit).square() / 2
        return self.by_dimensions(kl, x) + error, (kl, error)

    @torch.no_grad()
    def _value(self, path: Trajectory, k: int) -> Tensor:
        x, at_once = path.states[k], getattr(self.critic.features, "samples_at_once", None)
        return rows_in_lanes(self.critic, x, path.times[k].expand(len(x)), at_once).to(path.running_cost)


def step_kl(transition: Transition, field: State) -> Tensor:
    """KL(N(mean − shift g, noise²) ‖ N(mean, noise²)) of a step in nats, shape (B,)."""
    return field.scale(transition.leverage).squared_norm() / 2


def advantages_along(values: Tensor, costs: Tensor, trace: float) -> Tensor:
    """Generalised advantages (Schulman et al., 2016, Eq. 16) of costs that are to be small, shape (K, B).

    Args:
        values: V at all times, in nats, (K + 1, B); at the end −λr itself.
        costs: Of each step, (K, B).
        trace: From 0, the next step alone, to 1, all to the end.
    """
    surprises = values[:-1] - values[1:] - costs
    found = torch.zeros_like(surprises)
    ahead = torch.zeros_like(surprises[0])
    for k in reversed(range(len(surprises))):
        ahead = surprises[k] + trace * ahead
        found[k] = ahead
    return found
