"""DiTPipeline: a transformer over latents with the classes of ImageNet (Peebles and Xie 2023)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import Denoiser, frozen
from molvm.models.images.latents import LatentDecoder
from molvm.models.images.placement import Placement
from molvm.models.images.scheduler import parameterisation_of, trained_schedule
from molvm.schedules import TrainedSchedule


class DitDenoiser(Denoiser):
    """A class-conditional transformer over latents, trained at discrete times.

    Its null class, for guidance, is the one after the last.

    Args:
        pipeline: A `DiTPipeline`.
        conditioning: Which classes; all by default.
        name: How messages call it.
        placement: Where its networks compute.

    Raises:
        ModelError: There are prompts, or it has no such class.
    """

    schedule: TrainedSchedule

    def __init__(self, pipeline: Any, conditioning: Conditioning, name: str, placement: Placement) -> None:
        self.placement = placement
        self.network = frozen(pipeline.transformer)
        config = pipeline.transformer.config
        self.shape = (config.in_channels, config.sample_size, config.sample_size)
        self.schedule = trained_schedule(pipeline.scheduler)
        self.parameterisation = parameterisation_of(pipeline.scheduler)
        self.null = int(config.num_embeds_ada_norm)
        numbers = {str(label): int(number) for label, number in pipeline.labels.items()}
        names: dict[int, list[str]] = {number: [] for number in range(self.null)}
        for label, number in numbers.items():
            names[number].append(label)
        labels = {number: ", ".join(known) or str(number) for number, known in names.items()}
        self.labels = conditioning.chosen_classes(name, labels, numbers)
        self.decoder: LatentDecoder = LatentDecoder(pipeline.vae, placement)

    def decode(self, x: Tensor) -> Tensor:
        """The images of latents."""
        return self.decoder(x)

    def predict(self, x: Tensor, t: Tensor, condition: Tensor | None) -> Tensor:
        """The noise; the learned variance is left out."""
        place = self.placement.ready(self.network)
        classes = torch.full((len(x),), self.null) if condition is None else condition
        steps = self.schedule.step_of(t).to(place["device"])
        predicted = self.network(x.to(**place), timestep=steps, class_labels=classes.to(place["device"])).sample
        noise: Tensor = predicted[:, : self.shape[0]].to(x)
        return noise
