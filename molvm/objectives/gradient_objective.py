"""What every algorithm has that learns from the gradient of the reward."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Final, Self, TypeVar

from torch import Tensor, nn

from molvm.errors import ConfigError
from molvm.gradients import Worth, require_differentiable
from molvm.models.base import FlowModel
from molvm.objectives.accumulate import Numbers, add_gradients, learned_in
from molvm.objectives.adjoint import denoised_end
from molvm.objectives.base import Rollout
from molvm.objectives.chosen_steps import StepChoice
from molvm.objectives.residual_objective import Ingredients, ResidualObjective
from molvm.objectives.surrogate import Surrogate
from molvm.states import State
from molvm.values.control import ControlNet

OptionsT = TypeVar("OptionsT")

SURROGATE: Final = "surrogate."
"""What the names of a surrogate's tensors begin with."""


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
        worth: Worth | None = None
        if ingredients.surrogate is not None:
            worth = ingredients.surrogate()
        elif reward is not None:
            worth = require_differentiable(reward, cls.title, ingredients.model)
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

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """Learn a surrogate from the round, if there is one, and prepare to learn from its paths.

        Returns:
            What `prepare` and `Surrogate.learn` tell.

        Raises:
            ConfigError: The rollout lacks states.
        """
        path = rollout.trajectory
        if len(path.states) != path.steps + 1:
            raise ConfigError(f"{self.title} needs all states of a trajectory.", remedy="keep_states=True")
        self.control.settle_scale(rollout.rewards)
        if not isinstance(self._worth, Surrogate):
            return self.prepare(rollout)
        found = self._worth.learn(path.terminal, denoised_end(self.model, path), rollout.rewards)
        return {**found, **self.prepare(rollout)}

    @abstractmethod
    def prepare(self, rollout: Rollout) -> Mapping[str, float]:
        """Take in a fresh rollout that has all its states. Returns metrics to log, all finite."""

    def state_dict(self) -> dict[str, Tensor]:
        """The networks, and the surrogate."""
        if not isinstance(self._worth, Surrogate):
            return super().state_dict()
        learned = {f"{SURROGATE}{name}": tensor for name, tensor in self._worth.state_dict().items()}
        return {**super().state_dict(), **learned}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: Other names or shapes than these networks have.
        """
        learned = {name: tensor for name, tensor in state.items() if name.startswith(SURROGATE)}
        super().load_state_dict({name: tensor for name, tensor in state.items() if name not in learned})
        if isinstance(self._worth, Surrogate):
            self._worth.load_state_dict({name.removeprefix(SURROGATE): each for name, each in learned.items()})

    def add(self, loss: Callable[[Tensor], tuple[Tensor, Numbers]], x: State) -> Numbers:
        """Add the gradients of a loss of portions of x to all that is trained; see `add_gradients`."""
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return add_gradients(loss, learned_in(x, self.control.features), parameters, x.device)
