"""StableDiffusionPipeline, versions 1 and 2: a U-Net over latents that reads a text (Rombach et al. 2022)."""

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


class StableDiffusionDenoiser(Denoiser):
    """A U-Net over latents with texts, trained at discrete times.

    All texts are encoded once; the text encoder is not kept.

    Args:
        pipeline: A `StableDiffusionPipeline`.
        conditioning: The prompts.
        name: How messages call it.
        placement: Where its networks compute.

    Raises:
        ModelError: There are no prompts.
    """

    schedule: TrainedSchedule

    def __init__(self, pipeline: Any, conditioning: Conditioning, name: str, placement: Placement) -> None:
        self.placement = placement
        self.labels = conditioning.require_prompts(name)
        placement.ready(pipeline.text_encoder)
        self.texts = torch.cat([self._encode(pipeline, text) for text in self.labels.values()])
        self.null = self._encode(pipeline, "")
        placement.release()
        self.descriptions = self.texts.float().mean(dim=1)
        self.network = frozen(pipeline.unet)
        config = pipeline.unet.config
        self.shape = (config.in_channels, config.sample_size, config.sample_size)
        self.schedule = trained_schedule(pipeline.scheduler)
        self.parameterisation = parameterisation_of(pipeline.scheduler)
        self.decoder: LatentDecoder = LatentDecoder(pipeline.vae, placement)

    @torch.no_grad()
    def _encode(self, pipeline: Any, text: str) -> Tensor:
        embedding: Tensor = pipeline.encode_prompt(
            text, device=self.placement.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )[0]
        return embedding.cpu()

    def decode(self, x: Tensor) -> Tensor:
        """The images of latents."""
        return self.decoder(x)

    def predict(self, x: Tensor, t: Tensor, condition: Tensor | None) -> Tensor:
        """Noise or v."""
        place = self.placement.ready(self.network)
        texts = self.null.expand(len(x), -1, -1) if condition is None else self.texts[condition.to(self.texts.device)]
        steps = self.schedule.step_of(t).to(place["device"])
        predicted: Tensor = self.network(x.to(**place), steps, encoder_hidden_states=texts.to(**place)).sample
        return predicted.to(x)
