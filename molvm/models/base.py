"""What a base model must offer: conditions, a decoder, and a way from noise to data that can be steered, or its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from molvm.errors import ModelError
from molvm.schedules import Schedules
from molvm.states import State
from molvm.subject import Subject


@runtime_checkable
class BaseModel(Protocol):
    """What every frozen base model can do; `FlowModel` and `OwnProcess` say how samples come about."""

    @property
    def name(self) -> str:
        """How runs and messages call the model."""
        ...

    def sample_condition(self, count: int, generator: torch.Generator | None = None) -> Tensor | None:
        """Conditions drawn as the model saw them in training, integers of shape (count,); None if it has none.

        For molecules these are the numbers of atoms.
        """
        ...

    def decode(self, x: State) -> list[Any]:
        """The objects that rewards judge, one for each sample of a state at t = 1."""
        ...


def made_by(model: BaseModel) -> Subject:
    """What the model makes: molecules, unless it says that these are images (`makes`)."""
    makes: Subject = getattr(model, "makes", "molecules")
    return makes


@runtime_checkable
class OwnProcess(BaseModel, Protocol):
    """A base model with a process of its own from noise to data, no SDE: it is sampled, but not steered yet."""

    def generate(
        self,
        condition: Tensor | None,
        count: int,
        generator: torch.Generator | None = None,
        *,
        steps: int | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> State:
        """Samples at t = 1.

        Args:
            condition: Integers of shape (count,), or None.
            count: How many.
            generator: Source of all randomness.
            steps: Steps from noise to data; the model's own number by default.
            on_step: Called with (steps done, in all).
        """
        ...


@runtime_checkable
class FlowModel(BaseModel, Protocol):
    """A frozen flow or diffusion model, known by its prediction of the endpoint.

    Velocity, score and noise follow from the endpoint (`molvm.models.parameterise`), so a wrapper around a network that
    predicts one of those converts its output once.
    """

    @property
    def schedules(self) -> Schedules:
        """α and β of each modality."""
        ...

    def noise(self, condition: Tensor | None, count: int, generator: torch.Generator | None = None) -> State:
        """A draw of `count` samples at t = 0: standard normal in the state space given the conditions."""
        ...

    def predict_endpoint(self, x: State, t: Tensor) -> State:
        """x̂₁ = E[x₁ | x_t = x] in the state space, without an autograd graph.

        Args:
            x: B samples.
            t: Their times, shape (B,).
        """
        ...

    def differentiate_endpoint(
        self, x: State, t: Tensor, function: Callable[..., Tensor], *beside: State
    ) -> tuple[State, State]:
        """x̂₁(x, t), projected onto the space, and ∇ₓ function(x̂₁(x, t), t, ...) in its geometry; no graph is left.

        Args:
            x: B samples.
            t: Their times, shape (B,).
            function: Of endpoints, times and what is beside, one number a sample; differentiable, and safe on several
                threads. It may be given the samples in portions.
            beside: More states of the same samples, cut like x: a direction, whose product with the endpoint gives a
                vector-Jacobian product.
        """
        ...


@runtime_checkable
class NetworkModel(FlowModel, Protocol):
    """A flow model that is computed by a network, so that it can be asked of other weights too."""

    @property
    def network(self) -> nn.Module:
        """Its own network, frozen."""
        ...

    def endpoint_by(self, network: nn.Module, x: State, t: Tensor) -> State:
        """x̂₁ by a network in the place of its own, with a graph of what requires a gradient, in the network's type.

        Args:
            network: Of the shape of its own.
            x: B samples.
            t: Their times, shape (B,).
        """
        ...


def require_steerable(model: BaseModel) -> FlowModel:
    """The model as one that molvm can steer.

    Raises:
        ModelError: Its classes are tokens that jump, for which there is no control yet.
    """
    if isinstance(model, FlowModel):
        return model
    raise ModelError(
        f"The base model {model.name} is a Markov chain over tokens (CTMC). molvm draws from it and does not steer it "
        "yet, so nothing can be trained on it.",
        allowed="models that are continuous in every modality, as qm9 and flowmol:geom_gaussian",
        remedy="another base model for training; `molvm sample` draws from this one",
    )
