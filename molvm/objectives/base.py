"""What an algorithm learns from, and what the trainer may ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from molvm.errors import ConfigError, RewardError
from molvm.sde import Steering, Trajectory


@dataclass(frozen=True, eq=False)
class Rollout:
    """One batch of experience: paths, what they earned, and under which strength.

    Args:
        trajectory: B paths, steered by what the objective had as its behaviour at the time.
        rewards: Reward of each terminal sample, shape (B,), failures already at the reward's floor.
        strength: λ, positive and finite.

    Raises:
        ConfigError: λ is not positive and finite.
        RewardError: The rewards are not B finite numbers.
    """

    trajectory: Trajectory
    rewards: Tensor
    strength: float

    def __post_init__(self) -> None:
        check_strength(self.strength)
        count = len(self.trajectory.terminal)
        if self.rewards.shape != (count,):
            raise RewardError(
                f"There are {tuple(self.rewards.shape)} rewards for {count} samples.", allowed="one number a sample"
            )
        if not bool(torch.isfinite(self.rewards).all()):
            raise RewardError(
                f"{int((~torch.isfinite(self.rewards)).sum())} of {count} rewards are not finite.",
                remedy="replacing failures by the reward's floor before training on them",
            )

    @property
    def condition(self) -> Tensor | None:
        """What each sample is conditioned on, integers of shape (B,), or None."""
        return self.trajectory.condition

    @property
    def log_weights(self) -> Tensor:
        """The paths' log dP*/dP^u + log Z, shape (B,), on the device of the trajectory's costs."""
        rewards = self.rewards.to(self.trajectory.running_cost)
        return self.trajectory.log_weight(self.strength, rewards)


def check_strength(strength: float) -> None:
    """Refuse a λ that nothing can be trained with.

    Raises:
        ConfigError: λ is not positive and finite.
    """
    # Not `strength <= 0`, which NaN would pass.
    if not 0 < strength < float("inf"):
        raise ConfigError(
            f"The strength λ is {strength}.",
            allowed="a positive finite number",
            remedy="`molvm sample` without a run to draw from the base model (λ = 0)",
        )


@runtime_checkable
class Objective(Protocol):
    """An algorithm: it owns its loss and what it trains; the trainer owns the loop, the optimiser and the files.

    One iteration of the trainer is: simulate with `behaviour`, score, `observe`; then, once or several times,
    `zero_grad`, `backward`, clip, step, `after_step`. An objective that learns from old paths keeps its own buffer of
    rollouts and puts it in `state_dict`; one that trains the drift steers by a residual control, which knows no V.
    """

    @property
    def name(self) -> str:
        """How configurations and messages call the algorithm."""
        ...

    @property
    def control(self) -> Steering | None:
        """What to steer samples with; None for the base model alone."""
        ...

    @property
    def behaviour(self) -> Steering | None:
        """What to steer the rollouts with that it learns from; None for the base model alone."""
        ...

    @property
    def keeps_noise(self) -> bool:
        """Whether rollouts must carry the noise of each step."""
        ...

    @property
    def keeps_increments(self) -> bool:
        """Whether rollouts must carry control and noise of each step in one."""
        ...

    @property
    def keeps_endpoints(self) -> bool:
        """Whether rollouts must carry the base model's predictions."""
        ...

    def parameters(self) -> Iterable[nn.Parameter]:
        """What the optimiser updates, always in the same order."""
        ...

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """Take in a fresh rollout, once: tables, buffers. Returns metrics to log, all finite."""
        ...

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of one of `parts` parts of this rollout's loss to `parameters()`.

        Returns:
            Metrics to log, all finite.
        """
        ...

    def after_step(self) -> None:
        """Called after the optimiser has stepped, for averages of weights and the like."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """All that a checkpoint must hold: parameters, tables, counters, buffers."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: The tensors are not those of this objective.
        """
        ...
