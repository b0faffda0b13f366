"""DPOK: policy gradients with a critic of the final reward and a KL to the base, for any reward."""

from __future__ import annotations

import torch
from torch import Tensor

from molvm.objectives.actor_critic import ActorCritic, ActorCriticOptions
from molvm.sde import Trajectory


class DpokOptions(ActorCriticOptions):
    """How DPOK is run; the clip range is that of its authors' program, whose reward over KL weight is the run's λ."""


class Dpok(ActorCritic[DpokOptions]):
    """DPOK (Fan et al., 2023, Alg. 1) on a residual control: E[λ r] up, Σ_k KL_k down.

    The critic regresses the final reward alone. The KL of a step keeps its weight, which the authors' program drops,
    and no step is without noise, as their last is. As published, the gradient of Σ_k KL_k is taken at the states that
    were visited: what a step does to the KL of later ones is left out, so where the control depends on the state the
    law is not quite p*.
    """

    name = "dpok"

    def costs(self, path: Trajectory) -> Tensor:
        """None."""
        return torch.zeros_like(path.running_cost)
