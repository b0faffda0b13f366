"""StableDiffusion3Pipeline: a rectified flow over latents that reads a text (Esser et al. 2024)."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import Denoiser, frozen
from molvm.models.images.latents import LatentDecoder
from molvm.models.images.placement import Placement
from molvm.models.images.scheduler import shifted_schedule
from molvm.models.parameterise import Parameterisation
from molvm.schedules import ShiftedSchedule

TIMES_OF_NOISE: Final = 1000.0
"""The transformer is told σ in thousandths."""


class StableDiffusion3Denoiser(Denoiser):
    """A transformer over latents with texts. It predicts dx/dσ = noise − data, so that v = −α̇ · output.

    All texts are encoded once; the text encoders are not kept.

    Args:
        pipeline: A `StableDiffusion3Pipeline`; the third text encoder may be missing.
        conditioning: The prompts.
        name: How messages call it.
        placement: Where its networks compute.

    Raises:
        ModelError: There are no prompts, or the noise is shifted by the size of the image.
    """

    parameterisation = Parameterisation.VELOCITY
    schedule: ShiftedSchedule

    def __init__(self, pipeline: Any, conditioning: Conditioning, name: str, placement: Placement) -> None:
        self.placement = placement
        self.labels = conditioning.require_prompts(name)
        encoders = (pipeline.text_encoder, pipeline.text_encoder_2, pipeline.text_encoder_3)
        placement.ready(*(each for each in encoders if each is not None))
        encoded = [self._encode(pipeline, text) for text in self.labels.values()]
        self.texts, self.pooled = (torch.cat([each[place] for each in encoded]) for place in (0, 1))
        self.null = self._encode(pipeline, "")
        placement.release()
        self.descriptions = self.texts.float().mean(dim=1)
        self.network = frozen(pipeline.transformer)
        config = pipeline.transformer.config
        self.shape = (config.in_channels, config.sample_size, config.sample_size)
        self.schedule = shifted_schedule(pipeline.scheduler)
        self.decoder: LatentDecoder = LatentDecoder(pipeline.vae, placement)

    @torch.no_grad()
    def _encode(self, pipeline: Any, text: str) -> tuple[Tensor, Tensor]:
        """The embeddings of the tokens and of the whole."""
        tokens, _, pooled, _ = pipeline.encode_prompt(
            text, None, None, device=self.placement.device, do_classifier_free_guidance=False
        )
        return tokens.cpu(), pooled.cpu()

    def decode(self, x: Tensor) -> Tensor:
        """The images of latents."""
        return self.decoder(x)

    def predict(self, x: Tensor, t: Tensor, condition: Tensor | None) -> Tensor:
        """The velocity."""
        place = self.placement.ready(self.network)
        if condition is None:
            texts, pooled = self.null[0].expand(len(x), -1, -1), self.null[1].expand(len(x), -1)
        else:
            index = condition.to(self.texts.device)
            texts, pooled = self.texts[index], self.pooled[index]
        output = self.network(
            hidden_states=x.to(**place),
            timestep=(TIMES_OF_NOISE * self.schedule.beta(t)).to(place["device"]),
            encoder_hidden_states=texts.to(**place),
            pooled_projections=pooled.to(**place),
        ).sample
        velocity: Tensor = -self.schedule.alpha_dot(t)[:, None, None, None] * output.to(x)
        return velocity
