"""What every algorithm has that learns from the gradient of the reward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Self, TypeVar

from torch import Tensor, nn

from molvm.errors import ConfigError
from molvm.gradients import Worth, require_differentiable
from molvm.models.base import FlowModel
from molvm.objectives.accumulate import Numbers, add_gradients, learned_in
from molvm.objectives.chosen_steps import StepChoice
from molvm.objectives.residual_objective import Ingredients, ResidualObjective
from molvm.sde import Trajectory
from molvm.states import State
from molvm.values.control import ControlNet

OptionsT = TypeVar("OptionsT")


class GradientObjective(ResidualObjective[OptionsT]):
    """An algorithm that trains a residual control by ∇r.

    Args:
        control: What is trained, and steers.
        model: The base model.
        worth: The reward with its gradient; None where nothing is going to be trained.
        options: How.
        choice: Draws the steps that are learned from.
    """

    title: ClassVar[str]
    """How messages call the method."""

    keeps_noise = False

    def __init__(
        self, control: ControlNet, model: FlowModel, worth: Worth | None, options: OptionsT, choice: StepChoice
    ) -> None:
        super().__init__(control, options)
        self.model, self.choice, self._worth = model, choice, worth

    @classmethod
    def build(cls, control: ControlNet, options: OptionsT, ingredients: Ingredients) -> Self:
        """The algorithm of a run.

        Raises:
            ConfigError: The reward is a black box.
        """
        reward = ingredients.reward
        worth = None if reward is None else require_differentiable(reward, cls.title, ingredients.model)
        return cls.of(control, options, ingredients, worth)

    @classmethod
    def of(cls, control: ControlNet, options: OptionsT, ingredients: Ingredients, worth: Worth | None) -> Self:
        """The algorithm with the reward's gradient."""
        return cls(control, ingredients.model, worth, options)  # type: ignore[call-arg]

    @property
    def worth(self) -> Worth:
        """The reward with its gradient.

        Raises:
            ConfigError: The algorithm was made to be restored, and not to train.
        """
        if self._worth is None:
            raise ConfigError(f"{self.title} was given no reward to learn from.", remedy="the run's reward")
        return self._worth

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The control, and the number of rounds."""
        return {**super().networks, "choice": self.choice}

    def require_states(self, path: Trajectory) -> None:
        """Refuse paths of which only the end was kept.

        Raises:
            ConfigError: There are no states on the way.
        """
        if len(path.states) != path.steps + 1:
            raise ConfigError(f"{self.title} needs all states of a trajectory.", remedy="keep_states=True")

    def add(self, loss: Callable[[Tensor], tuple[Tensor, Numbers]], x: State) -> Numbers:
        """Add the gradients of a loss of portions of x to all that is trained; see `add_gradients`."""
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return add_gradients(loss, learned_in(x, self.control.features), parameters, x.device)
