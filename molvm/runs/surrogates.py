"""The learned stand-in for a run's reward, for methods that need a gradient which the reward does not have."""

from __future__ import annotations

from collections.abc import Callable

import torch

from molvm.models.base import FlowModel
from molvm.objectives.surrogate import Surrogate, SurrogateOptions
from molvm.rewards.base import Reward
from molvm.runs.config import RunConfig
from molvm.runs.objective_sections import GradientSection


def surrogate_of(config: RunConfig, model: FlowModel, reward: Reward | None) -> Callable[[], Surrogate] | None:
    """What makes the surrogate of a run, of the size of its networks; None where the run follows the reward itself.

    Args:
        config: The run's settings.
        model: The base model.
        reward: The reward; None to restore what was trained, and not to train.
    """
    # torch-geometric takes longer to import than all the rest.
    from molvm.values.ladder import build_regression_features

    section = config.objective
    if not isinstance(section, GradientSection) or section.gradient == "reward":
        return None
    options = SurrogateOptions(section.surrogate_updates, section.surrogate_rounds, section.surrogate_learning_rate)
    sign = -1.0 if reward is not None and reward.direction == "minimise" else 1.0

    def fresh() -> Surrogate:
        generator = torch.Generator().manual_seed(config.training.seed)
        return Surrogate(build_regression_features(model, config.value.size, generator), options, sign)

    return fresh
