"""CT-PPO: the score as action, rewarded along the path and learned by proximal policy optimisation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from molvm.errors import ConfigError
from molvm.objectives.actor_critic import ActorCritic, ActorCriticOptions
from molvm.sde import Trajectory


@dataclass(frozen=True)
class CtPpoOptions(ActorCriticOptions):
    """How CT-PPO is run, beside what `ActorCriticOptions` says.

    Args:
        trace: How much of the surprise of later steps counts in the advantage, by step: 1 takes what the path has paid
            to its end and trusts no critic, 0 the next step alone, as the paper's advantage rate does.

    Raises:
        ConfigError: A number out of range.
    """

    trace: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.trace <= 1:
            raise ConfigError(f"trace is {self.trace}.", allowed="a number from 0 to 1")


class CtPpo(ActorCritic[CtPpoOptions]):
    """CT-PPO (Zhao et al., Score as Action, ICML 2025) on a residual control.

    The running cost of the path counts in the return, the critic is of cost and reward together, and the advantage of a
    step is V_k − V_{k+1} − ½|w_k|², traced ahead. The exploration is the noise of the chain itself. A step's own cost
    does not depend on that noise, so its gradient is taken in closed form: the sum is the whole gradient of
    E[λ r] − KL(P^u ‖ P), whose maximum is p*. The paper's critic contains r(x̂), of which a black box would have to be
    asked at each step; this one does not, and knows the reward at t = 1 alone.
    """

    name = "ct_ppo"

    @property
    def trace(self) -> float:
        """As the options say."""
        return self.options.trace

    def costs(self, path: Trajectory) -> Tensor:
        """½|w|²."""
        return path.running_cost
