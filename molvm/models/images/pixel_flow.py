"""A flow over pixels as a base model: the contract of `FlowModel` around `PixelNetwork`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from molvm.errors import ModelError
from molvm.images.image import Image
from molvm.models.differentiate import differentiate
from molvm.models.images.decode import to_images
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.models.precision import Precision
from molvm.models.spread import SPREAD_KEY, PosteriorSpread
from molvm.schedules import LinearSchedule, Schedules
from molvm.states import State, TensorState, in_lanes, pairs_in_lanes
from molvm.subject import Subject

IMAGES_AT_ONCE: Final = 32
"""Images in one pass of the network; a batch is spread over the cores in such portions."""


class PixelFlowModel:
    """A frozen class-conditional flow over pixels, x_t = t x₁ + (1 − t) x₀, whose network predicts the velocity.

    Args:
        network: The network, put into evaluation mode and frozen.
        labels: What the classes are called, one each.
        name: How runs and messages call the model.
        card: What is known of the model.
        chosen: The classes that are drawn, all by default.

    Raises:
        ModelError: There is not one label a class, no such class, or a pixel is neither grey nor coloured.
    """

    makes: Subject = "images"
    precision: Precision = "float32"
    samples_at_once = trained_at_once = IMAGES_AT_ONCE

    def __init__(
        self,
        network: PixelNetwork,
        labels: Sequence[str],
        name: str,
        card: Mapping[str, Any] | None = None,
        chosen: Sequence[int] | None = None,
    ) -> None:
        self.network = network.eval().requires_grad_(requires_grad=False)
        self.config: PixelConfig = network.config
        self.labels = tuple(labels)
        self.name = name
        self.card: dict[str, Any] = dict(card or {})
        self.schedules = Schedules({"x": LinearSchedule()})
        if self.config.channels not in (1, 3):
            raise ModelError(f"The model {name} has {self.config.channels} channels.", allowed="1 or 3")
        if len(self.labels) != self.config.classes:
            raise ModelError(f"The model {name} has {self.config.classes} classes and {len(self.labels)} labels.")
        self._chosen = list(range(self.config.classes)) if chosen is None else sorted(set(chosen))
        self._require_known(self._chosen, range(self.config.classes))

    def _require_known(self, classes: Sequence[int], among: Sequence[int]) -> None:
        if wrong := set(classes) - set(among):
            raise ModelError(f"The model {self.name} has no class {max(wrong)}.", allowed=", ".join(map(str, among)))

    @property
    def conditions(self) -> Sequence[int]:
        """The classes that are drawn."""
        return self._chosen

    @property
    def shows(self) -> Mapping[int, str]:
        """What each condition is called."""
        return {number: self.labels[number] for number in self._chosen}

    @property
    def spread(self) -> PosteriorSpread | None:
        """How far the prediction is from the sample it leads to, if it was measured (`molvm models calibrate`)."""
        table = self.card.get(SPREAD_KEY)
        return None if table is None else PosteriorSpread.from_dict(table)

    def sample_condition(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Classes, each as often as the others, integers of shape (count,)."""
        return torch.tensor(self._chosen)[torch.randint(len(self._chosen), (count,), generator=generator)]

    def noise(self, condition: Tensor | None, count: int, generator: torch.Generator | None = None) -> TensorState:
        """Standard normal pixels; classes are drawn where none are given.

        Raises:
            ModelError: A class that the model does not have.
        """
        classes = self.sample_condition(count, generator) if condition is None else condition
        self._require_known(classes.tolist(), self._chosen)
        shape = (count, self.config.channels, self.config.size, self.config.size)
        return TensorState(torch.randn(shape, generator=generator), classes)

    def predict_endpoint(self, x: State, t: Tensor) -> TensorState:
        """x̂₁ = x + (1 − t) v.

        Args:
            x: Noisy pixels.
            t: Times, shape (B,).
        """
        return in_lanes(torch.no_grad()(self._predict), _as_pixels(x), t, IMAGES_AT_ONCE)

    def differentiate_endpoint(
        self, x: State, t: Tensor, function: Callable[..., Tensor], *beside: State
    ) -> tuple[TensorState, TensorState]:
        """x̂₁, and the gradient of a function of it through the network; arguments as for `FlowModel`."""

        def portion(x: TensorState, t: Tensor, *beside: State) -> tuple[TensorState, TensorState]:
            return differentiate(self._predict, function, x, t, *beside)

        return pairs_in_lanes(portion, _as_pixels(x), t, IMAGES_AT_ONCE, *beside)

    def decode(self, x: State) -> list[Image]:
        """Images of 256 levels, each with the name of its class."""
        return to_images(self.pixels(x), self.prompts(x))

    def pixels(self, x: State) -> Tensor:
        """The states themselves, about in [-1, 1], (B, C, H, W)."""
        return _as_pixels(x).x

    def prompts(self, x: State) -> list[str]:
        """The name of the class of each sample."""
        classes = _as_pixels(x).classes
        return [] if classes is None else [self.labels[index] for index in classes.tolist()]

    def endpoint_by(self, network: nn.Module, x: State, t: Tensor) -> TensorState:
        """x̂₁ by other weights; arguments as for `NetworkModel`.

        Raises:
            ModelError: It is no state of images, or has no classes.
        """
        pixels = _as_pixels(x)
        if pixels.classes is None:
            raise ModelError(f"The model {self.name} needs the class of each image.")
        velocity = network(pixels.x, t, pixels.classes)
        return pixels.replace({"x": pixels.x + (1 - t)[:, None, None, None] * velocity})

    def _predict(self, x: TensorState, t: Tensor) -> TensorState:
        return self.endpoint_by(self.network, x, t)


def _as_pixels(x: State) -> TensorState:
    if not isinstance(x, TensorState) or x.x.ndim != 4:
        raise ModelError(f"A model of images got a {type(x).__name__}.", allowed="a TensorState of (B, C, H, W)")
    return x
