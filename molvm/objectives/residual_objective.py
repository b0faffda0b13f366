"""What every algorithm has that trains a residual control in the place of ∇V."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, ClassVar, Generic, Self, TypeVar

from torch import Tensor, nn

from molvm.errors import CheckpointError
from molvm.gradients import Worth
from molvm.models.adaptation import Adaptation
from molvm.models.base import FlowModel
from molvm.objectives.base import Rollout
from molvm.objectives.diagnostics import path_diagnostics
from molvm.rewards.base import Reward
from molvm.schedules import Schedules
from molvm.sde import Transition
from molvm.values.adapted_control import AdaptedControl
from molvm.values.control import ControlNet

OptionsT = TypeVar("OptionsT")


@dataclass(frozen=True)
class Ingredients:
    """What an algorithm may be made of beside its control.

    Args:
        model: The base model.
        reward: The reward; None where nothing is going to be trained.
        critic: Makes a fresh network f(x, t) of states and times, one number a sample, of the size of the run's.
        field: Makes a fresh network f(x, t) from states to states, as the control's.
        steps: How the run goes from noise to data.
        surrogate: Makes what is learned in the place of the reward's gradient; None for the reward's own.
    """

    model: FlowModel
    reward: Reward | None
    critic: Callable[[], nn.Module]
    field: Callable[[], nn.Module]
    steps: Transition
    surrogate: Callable[[], Worth] | None = None


class ResidualObjective(ABC, Generic[OptionsT]):
    """An algorithm that trains a residual control, and steers by it.

    Args:
        control: What is trained.
        options: How.
    """

    name: ClassVar[str]
    noise_level: ClassVar[float] = 1.0
    """σ of the paths it learns from, as a multiple of the memoryless one."""

    keeps_noise: bool = True
    keeps_endpoints: bool = False
    keeps_increments: bool = False

    def __init__(self, control: ControlNet, options: OptionsT) -> None:
        self.control, self.options = control, options

    residual: ClassVar[type[ControlNet]] = ControlNet
    """What it trains around a fresh network."""

    adapted: ClassVar[type[ControlNet]] = AdaptedControl
    """What it trains of an adapted base."""

    @classmethod
    def control_of(cls, features: nn.Module, schedules: Schedules, strength: float) -> ControlNet:
        """What it trains: a fresh network, or adapted weights of the base."""
        kind = cls.adapted if isinstance(features, Adaptation) else cls.residual
        return kind(features, schedules, strength)

    @classmethod
    def build(cls, control: ControlNet, options: OptionsT, ingredients: Ingredients) -> Self:  # noqa: ARG003
        """The algorithm of a run; those that need more than a control take it from the ingredients.

        Raises:
            ConfigError: It cannot learn from this reward, or not on this model.
        """
        return cls(control, options)

    @property
    def behaviour(self) -> ControlNet:
        """The control itself."""
        return self.control

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """What is trained and saved, by name; the control first."""
        return {"control": self.control}

    def parameters(self) -> Iterable[nn.Parameter]:
        """The parameters of all networks."""
        return chain.from_iterable(network.parameters() for network in self.networks.values())

    @abstractmethod
    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """Take in a fresh rollout, once. Returns metrics to log, all finite."""

    @abstractmethod
    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of one of `parts` parts of this rollout's loss. Returns metrics to log, all finite."""

    def after_step(self) -> None:
        """Nothing."""
        return

    def state_dict(self) -> dict[str, Tensor]:
        """The networks."""
        return {
            f"{part}.{name}": tensor.detach()
            for part, network in self.networks.items()
            for name, tensor in network.state_dict().items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: Other names or shapes than these networks have.
        """
        try:
            nn.ModuleDict(dict(self.networks)).load_state_dict(dict(state))
        except RuntimeError as error:
            raise CheckpointError(f"The saved control does not fit this one: {error}") from error


def path_metrics(rollout: Rollout) -> dict[str, float]:
    """Kl (mean ½∫|u|²) and the `PathDiagnostics` of a rollout."""
    return {
        "kl": float(rollout.trajectory.path_cost.mean()),
        **asdict(path_diagnostics(rollout.log_weights, rollout.condition)),
    }


AnyResidualObjective = ResidualObjective[Any]
