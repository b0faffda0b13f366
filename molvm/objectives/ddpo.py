"""DDPO: policy gradients on the steps of the chain, for any reward."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from molvm.objectives.base import Rollout
from molvm.objectives.policy_gradient import PolicyGradient, PolicyGradientOptions, require_positive
from molvm.values.control import ControlNet

SPREAD_FLOOR = 1e-8
"""Added to the standard deviation of the rewards."""


@dataclass(frozen=True)
class DdpoOptions(PolicyGradientOptions):
    """How DDPO is run, beside what `PolicyGradientOptions` says; the defaults are those of its authors' program.

    Args:
        advantage_clip: Largest advantage, in standard deviations of the batch.

    Raises:
        ConfigError: A number that is not positive, or another log density.
    """

    advantage_clip: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("advantage_clip", self.advantage_clip)


class Ddpo(PolicyGradient[DdpoOptions]):
    """DDPO with importance sampling (Black, Janner, Du, Kostrikov, Levine, 2024, Eq. 5) on a residual control.

    The advantage of each step is that of the terminal reward, normalised within the batch. It maximises E[r] and knows
    no λ: its law is not p*, and only clipping and few iterations keep it near the base.

    Args:
        control: What is trained, and steers.
        options: How.
    """

    name = "ddpo"

    def __init__(self, control: ControlNet, options: DdpoOptions | None = None) -> None:
        super().__init__(control, options or DdpoOptions())

    def advantages_of(self, rollout: Rollout, k: int) -> Tensor:  # noqa: ARG002 - one reward for all steps
        """Those of the rewards."""
        return self.advantages(rollout.rewards)

    def advantages(self, rewards: Tensor) -> Tensor:
        """The rewards in standard deviations from their mean, clipped, shape (B,)."""
        limit = self.options.advantage_clip
        return ((rewards - rewards.mean()) / (rewards.std(correction=0) + SPREAD_FLOOR)).clamp(-limit, limit)
