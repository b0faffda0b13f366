"""A low-rank adapter (LoRA) of a published model's network, for methods that train the base (Hu et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch
from torch import Tensor, nn

from molvm.durable import published
from molvm.errors import ConfigError, MissingDependencyError
from molvm.models.adaptation import Adaptation
from molvm.models.base import FlowModel
from molvm.models.images.denoiser import DenoiserModel

ADAPTER: Final = "molvm"

ATTENTION: Final = ("to_q", "to_k", "to_v", "to_out.0")
"""The projections of attention, which diffusers' own training scripts adapt."""


class LowRankAdapter(Adaptation):
    """Weights W + (α/r) B A, in a network of its own that shares W with the base.

    B starts at zero, so that the adapted model starts as the base. The weights are float32, whatever the base's are.

    Args:
        model: The base model.
        rank: r.
        alpha: α; r by default.
        targets: Which layers, by the ends of their names.
        seed: Of A.

    Raises:
        MissingDependencyError: peft is not installed.
        ConfigError: The rank is not positive, or the model has no such layer.
    """

    def __init__(
        self,
        model: FlowModel,
        rank: int = 4,
        alpha: float | None = None,
        targets: Sequence[str] = ATTENTION,
        seed: int = 0,
    ) -> None:
        if rank < 1:
            raise ConfigError(f"The rank of the adapter is {rank}.", allowed="a whole number from 1")
        if not isinstance(model, DenoiserModel):
            raise _without_layers(model)
        super().__init__(model)
        self._peft = _peft()
        self.config: Any = self._peft.LoraConfig(
            r=rank, lora_alpha=rank if alpha is None else alpha, target_modules=list(targets)
        )
        network = _sharing_weights(model.network)
        try:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                self._peft.inject_adapter_in_model(self.config, network, adapter_name=ADAPTER)
        except ValueError as error:
            raise _without_layers(model) from error
        # In a tuple, so that the base's weights are not among what is trained and saved.
        self._adapted = (network,)
        added = {name: each for name, each in network.named_parameters() if f".{ADAPTER}." in name}
        for weight in added.values():
            weight.data = weight.data.float()
        self.weights = nn.ParameterDict({name.replace(".", "/"): each for name, each in added.items()})

    @property
    def network(self) -> nn.Module:
        """The base's network with the adapter in it."""
        return self._adapted[0]

    def layers(self) -> dict[str, Tensor]:
        """The weights of the adapter, as peft calls them."""
        weights: dict[str, Tensor] = self._peft.get_peft_model_state_dict(self.network, adapter_name=ADAPTER)
        return weights

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
            if "UNet" in type(self.network).__name__:
                layers = convert_state_dict_to_diffusers(self.layers())  # type: ignore[no-untyped-call]
                StableDiffusionPipeline.save_lora_weights(
                    part, unet_lora_layers=layers, unet_lora_adapter_metadata=settings
                )
            else:
                StableDiffusion3Pipeline.save_lora_weights(
                    part, transformer_lora_layers=self.layers(), transformer_lora_adapter_metadata=settings
                )


def _sharing_weights(network: nn.Module) -> nn.Module:
    """Another network that has the same weights, not copies of them."""
    shared = {id(each): each for each in (*network.parameters(), *network.buffers())}
    return deepcopy(network, shared)


def _without_layers(model: FlowModel) -> ConfigError:
    return ConfigError(
        f"The base model {model.name} has no linear layers of attention, which LoRA adapts.",
        allowed="a published model of images with attention: DiTPipeline, StableDiffusionPipeline, "
        "StableDiffusion3Pipeline, or a UNet2DModel with attention",
        remedy="objective.trains = full, which trains a copy of the whole network, or residual",
    )


def _peft() -> ModuleType:
    try:
        import peft
    except ImportError as error:
        raise MissingDependencyError("peft", "images", "Adapting the weights of a base model") from error
    return peft
