"""A low-rank adapter (LoRA) of a published model's network, for methods that train the base (Hu et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch
from torch import Tensor, nn

from molvm.durable import published
from molvm.errors import CheckpointError, ConfigError, MissingDependencyError, ModelError
from molvm.models.images.denoiser import DenoiserModel

ADAPTER: Final = "molvm"

ATTENTION: Final = ("to_q", "to_k", "to_v", "to_out.0")
"""The projections of attention, which diffusers' own training scripts adapt."""


class LowRankAdapter:
    """Weights W + (α/r) B A beside the frozen W; outside `on()` the model is the base, bit for bit.

    B starts at zero, so that the adapted model starts as the base. The weights are float32, whatever the base's are.

    Args:
        model: The base model, whose network is given the adapter.
        rank: r.
        alpha: α; r by default.
        targets: Which layers, by the ends of their names.
        seed: Of A.

    Raises:
        MissingDependencyError: peft is not installed.
        ConfigError: The rank is not positive.
        ModelError: The network has no such layer, or an adapter already.
    """

    def __init__(
        self,
        model: DenoiserModel,
        rank: int = 4,
        alpha: float | None = None,
        targets: Sequence[str] = ATTENTION,
        seed: int = 0,
    ) -> None:
        if rank < 1:
            raise ConfigError(f"The rank of the adapter is {rank}.", allowed="a whole number from 1")
        self._peft, self._network = _peft(), model.network
        if self._layers():
            raise ModelError(f"The model {model.name} has an adapter already.", remedy="loading the model anew")
        self.config: Any = self._peft.LoraConfig(
            r=rank, lora_alpha=rank if alpha is None else alpha, target_modules=list(targets)
        )
        try:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                self._peft.inject_adapter_in_model(self.config, self._network, adapter_name=ADAPTER)
        except ValueError as error:
            raise ModelError(f"The model {model.name} cannot be given an adapter: {error}") from error
        self._weights = [each for name, each in self._network.named_parameters() if f".{ADAPTER}." in name]
        for weight in self._weights:
            weight.data = weight.data.float()
        self._switch(on=False)

    def parameters(self) -> list[nn.Parameter]:
        """What is trained."""
        return self._weights

    @contextmanager
    def on(self) -> Iterator[None]:
        """Within it the model is the adapted one; nothing else may use the model meanwhile."""
        self._switch(on=True)
        try:
            yield
        finally:
            self._switch(on=False)

    def state_dict(self) -> dict[str, Tensor]:
        """The weights of the adapter alone."""
        weights: dict[str, Tensor] = self._peft.get_peft_model_state_dict(self._network, adapter_name=ADAPTER)
        return weights

    def load_state_dict(self, weights: Mapping[str, Tensor]) -> None:
        """The inverse of `state_dict`.

        Raises:
            CheckpointError: They are of another adapter.
        """
        if weights.keys() != (mine := self.state_dict()).keys() or any(
            weights[name].shape != each.shape for name, each in mine.items()
        ):
            raise CheckpointError("The weights are of another adapter.", remedy="the rank and layers of its training")
        self._peft.set_peft_model_state_dict(self._network, dict(weights), adapter_name=ADAPTER)

    def save(self, path: Path) -> None:
        """Write a new folder with `pytorch_lora_weights.safetensors`, for `pipeline.load_lora_weights`.

        Pipelines that diffusers gives no adapters (DiT, pixels) have the same layout.

        Raises:
            OutputExistsError: There is something at `path`, or it cannot be written.
        """
        from diffusers import StableDiffusion3Pipeline, StableDiffusionPipeline
        from diffusers.utils.state_dict_utils import convert_state_dict_to_diffusers

        settings = self.config.to_dict()
        with published(path, parents=True) as part:
            if "UNet" in type(self._network).__name__:
                layers = convert_state_dict_to_diffusers(self.state_dict())  # type: ignore[no-untyped-call]
                StableDiffusionPipeline.save_lora_weights(
                    part, unet_lora_layers=layers, unet_lora_adapter_metadata=settings
                )
            else:
                StableDiffusion3Pipeline.save_lora_weights(
                    part, transformer_lora_layers=self.state_dict(), transformer_lora_adapter_metadata=settings
                )

    def _layers(self) -> list[Any]:
        tuner = self._peft.tuners.tuners_utils.BaseTunerLayer
        return [module for module in self._network.modules() if isinstance(module, tuner)]

    def _switch(self, *, on: bool) -> None:
        for layer in self._layers():
            layer.enable_adapters(on)
        for weight in self._weights:
            # peft freezes what it switches off, which an optimiser and a loss that is yet to be taken back need.
            weight.requires_grad = True


def _peft() -> ModuleType:
    try:
        import peft
    except ImportError as error:
        raise MissingDependencyError("peft", "images", "Adapting the weights of a base model") from error
    return peft
