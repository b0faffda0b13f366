"""UNet2DModel of diffusers over pixels, as DDPM's of CIFAR-10."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from molvm.errors import ModelError
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import Denoiser, frozen
from molvm.models.images.placement import Placement
from molvm.models.images.scheduler import parameterisation_of, trained_schedule
from molvm.schedules import TrainedSchedule


class PixelDenoiser(Denoiser):
    """A U-Net over pixels that was trained at discrete times.

    Args:
        network: A `UNet2DModel`.
        scheduler: Of its training.
        conditioning: Classes, if it has any.
        name: How messages call it.
        placement: Where its networks compute.

    Raises:
        ModelError: It does not fit the conditioning, or its images are neither grey nor coloured.
    """

    can_guide = False
    schedule: TrainedSchedule

    def __init__(
        self, network: Any, scheduler: Any, conditioning: Conditioning, name: str, placement: Placement
    ) -> None:
        self.placement = placement
        self.network = frozen(network)
        config = network.config
        size = config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        self.shape = (config.in_channels, height, width)
        if config.in_channels not in (1, 3):
            raise ModelError(f"The images of the model {name} have {config.in_channels} channels.", allowed="1 or 3")
        self.schedule = trained_schedule(scheduler)
        self.parameterisation = parameterisation_of(scheduler)
        numbers = {str(number): number for number in range(config.num_class_embeds or 0)}
        labels = {number: label for label, number in numbers.items()}
        if not labels:
            conditioning.require_none(name)
        self.labels = conditioning.chosen_classes(name, labels, numbers)

    def predict(self, x: Tensor, t: Tensor, condition: Tensor | None) -> Tensor:
        """Noise, v or endpoint; learned variances are left out."""
        place = self.placement.ready(self.network)
        classes = {} if condition is None else {"class_labels": condition.to(place["device"])}
        steps = self.schedule.step_of(t).to(place["device"])
        predicted: Tensor = self.network(x.to(**place), steps, **classes).sample[:, : self.shape[0]]
        return predicted.to(x)

    def decode(self, x: Tensor) -> Tensor:
        """Themselves."""
        return x
