"""Published diffusion and flow models of images as base models: one small contract, and all that follows from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, Final

import torch
from torch import Tensor, nn

from molvm.errors import ModelError
from molvm.images.image import Image
from molvm.models.differentiate import differentiate
from molvm.models.images.decode import to_images
from molvm.models.images.placement import Placement
from molvm.models.parameterise import Parameterisation, to_endpoint
from molvm.models.precision import Precision
from molvm.schedules import Schedule, Schedules
from molvm.states import State, TensorState, in_lanes, pairs_in_lanes
from molvm.subject import Subject

IMAGES_AT_ONCE: Final = 16
"""Images in one pass of the network."""

TRAINED_AT_ONCE: Final = 1
"""Images in one pass of the network whose graph is kept, which takes many times the memory."""

DECODED_AT_ONCE: Final = 1
"""Latents in one pass of a decoder, whose activations are as large as the images."""


class Denoiser(ABC):
    """What a family of models adds: x is pixels or latents, and everything is in the type of x.

    Attributes:
        network: What may be trained (LoRA), in evaluation mode and frozen otherwise.
        shape: Channels, height and width of x.
        schedule: α and β.
        parameterisation: What it predicts.
        labels: Each condition in words; empty for a model without conditions.
        descriptions: What is known of each condition, (number of conditions, features), or None.
        can_guide: Whether it knows what no condition is.
        placement: Where its networks compute.
        decoder: The network that turns latents into pixels; None where x is pixels.
    """

    placement: Placement

    network: nn.Module
    shape: tuple[int, int, int]
    schedule: Schedule
    parameterisation: Parameterisation
    labels: Mapping[int, str]
    descriptions: Tensor | None = None
    can_guide: bool = True
    decoder: Any = None

    @abstractmethod
    def predict(self, x: Tensor, t: Tensor, condition: Tensor | None) -> Tensor:
        """The prediction, of the shape of x, for times and conditions of shape (B,); without condition if None."""

    @abstractmethod
    def decode(self, x: Tensor) -> Tensor:
        """Pixels, about in [-1, 1], (B, 1 or 3, height, width)."""


class DenoiserModel:
    """A frozen denoiser as a `FlowModel` of images.

    States and all arithmetic of the SDE keep the type of the state, whatever the network computes in.

    Args:
        denoiser: The denoiser.
        name: How runs and messages call the model.
        guidance_scale: g of classifier-free guidance. What is guided is no score of any noised law: p_base is then the
            law of the guided SDE's samples.
        card: What is known of the model.
        precision: Of the network.

    Raises:
        ModelError: Guidance of a model that is not conditional.
    """

    makes: Subject = "images"
    samples_at_once, trained_at_once = IMAGES_AT_ONCE, TRAINED_AT_ONCE

    def __init__(
        self,
        denoiser: Denoiser,
        name: str,
        *,
        guidance_scale: float = 1.0,
        card: Mapping[str, Any] | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.denoiser = denoiser
        self.name = name
        self.card: dict[str, Any] = dict(card or {})
        self.precision: Precision = precision
        self.schedules = Schedules({"x": denoiser.schedule})
        self.guidance_scale = guidance_scale
        self.descriptions = denoiser.descriptions
        if guidance_scale != 1 and not denoiser.can_guide:
            raise ModelError(f"The model {name} knows no condition to be guided by.", remedy="no guidance scale")

    @property
    def network(self) -> nn.Module:
        """What an adapter may be added to."""
        return self.denoiser.network

    @property
    def conditions(self) -> Sequence[int] | None:
        """The values that a condition takes; None for a model without."""
        return sorted(self.denoiser.labels) or None

    @property
    def shows(self) -> Mapping[int, str]:
        """What each condition is called: a prompt, or a class's names."""
        return self.denoiser.labels

    def sample_condition(self, count: int, generator: torch.Generator | None = None) -> Tensor | None:
        """Prompts or classes, each as often as the others, integers of shape (count,)."""
        if (known := self.conditions) is None:
            return None
        return torch.tensor(known)[torch.randint(len(known), (count,), generator=generator)]

    def noise(self, condition: Tensor | None, count: int, generator: torch.Generator | None = None) -> TensorState:
        """Standard normal pixels or latents; conditions are drawn where none are given.

        Raises:
            ModelError: A condition that the model does not have.
        """
        chosen = self.sample_condition(count, generator) if condition is None else condition
        if chosen is not None and (wrong := set(chosen.tolist()) - set(self.denoiser.labels)):
            raise ModelError(f"The model {self.name} has no condition {min(wrong)}.", allowed=f"{self.conditions}")
        return TensorState(torch.randn((count, *self.denoiser.shape), generator=generator), chosen)

    def predict_endpoint(self, x: State, t: Tensor) -> TensorState:
        """x̂₁, guided; arguments as for `FlowModel`."""
        return in_lanes(torch.no_grad()(self._predict), self._own(x), t, IMAGES_AT_ONCE)

    def differentiate_endpoint(
        self, x: State, t: Tensor, function: Callable[..., Tensor], *beside: State
    ) -> tuple[TensorState, TensorState]:
        """x̂₁, and the gradient of a function of it through the network; arguments as for `FlowModel`."""

        def portion(x: TensorState, t: Tensor, *beside: State) -> tuple[TensorState, TensorState]:
            return differentiate(self._predict, function, x, t, *beside)

        return pairs_in_lanes(portion, self._own(x), t, TRAINED_AT_ONCE, *beside)

    def endpoint_by(self, network: nn.Module, x: State, t: Tensor) -> TensorState:
        """x̂₁ by other weights, guided; arguments as for `NetworkModel`."""
        denoiser = copy(self.denoiser)
        denoiser.network = network
        return self._predict_by(denoiser, self._own(x), t)

    @torch.no_grad()
    def decode(self, x: State) -> list[Image]:
        """Images of 256 levels, each with its prompt or the name of its class."""
        # Each portion is rounded before the next is decoded: pixels of a whole batch in 32 bits would take gigabytes.
        images: list[Image] = []
        prompts = self.prompts(x)
        for start in range(0, len(x), DECODED_AT_ONCE):
            chosen = slice(start, start + DECODED_AT_ONCE)
            images += to_images(self.denoiser.decode(self._own(x).x[chosen]), prompts[chosen])
        return images

    def pixels(self, x: State) -> Tensor:
        """Pixels of states at t = 1, about in [-1, 1], (B, 1 or 3, height, width), with their graph."""
        return torch.cat([self.denoiser.decode(part) for part in torch.split(self._own(x).x, DECODED_AT_ONCE)])

    def prompts(self, x: State) -> list[str]:
        """What each sample was asked to show; empty texts if nothing was."""
        classes = self._own(x).classes
        return [""] * len(x) if classes is None else [self.denoiser.labels[each] for each in classes.tolist()]

    def _predict(self, x: TensorState, t: Tensor) -> TensorState:
        return self._predict_by(self.denoiser, x, t)

    def _predict_by(self, denoiser: Denoiser, x: TensorState, t: Tensor) -> TensorState:
        prediction = denoiser.predict(x.x, t, x.classes)
        if self.guidance_scale != 1:
            # One after the other: half the memory of both at once.
            null = denoiser.predict(x.x, t, None)
            prediction = null + self.guidance_scale * (prediction - null)
        return to_endpoint(denoiser.parameterisation, x, x.replace({"x": prediction}), self.schedules, t)

    def _own(self, x: State) -> TensorState:
        if not isinstance(x, TensorState) or x.x.shape[1:] != self.denoiser.shape:
            raise ModelError(
                f"The model {self.name} got a {type(x).__name__}.",
                allowed=f"a TensorState of (B, *{self.denoiser.shape})",
            )
        if x.classes is None and self.denoiser.labels:
            raise ModelError(f"The model {self.name} needs the condition of each image.")
        return x


def frozen(network: nn.Module) -> nn.Module:
    """The network in evaluation mode, none of its weights to be trained.

    In training mode diffusers' transformers drop some of their conditions.
    """
    return network.eval().requires_grad_(requires_grad=False)
