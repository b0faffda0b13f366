"""How much memory training takes, from the graphs of the networks: nothing is computed and nothing allocated.

Tensors are shapes alone (torch's fake tensors), and what is alive at once is counted operation by operation. What the
allocator and the libraries of a device take besides is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from molvm.errors import ConfigError, MissingDependencyError, UnknownNameError
from molvm.models.fine_tuning import FOUR_BYTES
from molvm.models.images.denoiser import DECODED_AT_ONCE, IMAGES_AT_ONCE
from molvm.models.images.low_rank import ATTENTION
from molvm.runs.architectures import Architecture, architecture_of
from molvm.states import TensorState
from molvm.values.image_control import ImageControl
from molvm.values.images import ImageValue
from molvm.values.ladder import IMAGE_CONTROL_WIDTHS, IMAGE_SIZES

ADAM: Final = 4
"""Numbers a weight: itself, its gradient and two averages."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes at the peak of a round.

    Args:
        base: Weights of the base in 16 bits.
        forward: What a pass of the base without a graph adds, for the images that are computed at once.
        decoding: What decoding adds, weights of the decoder included.
        value: Weights, gradients and averages of the value network in 32 bits.
        learning: What learning from a portion of its points adds.
        paths: The states of the paths, which are kept in the memory of the machine.
        through_one: A pass of the base with a graph for one image, weights included: V₁.
        through_two: The same for two: V₂.
        control: Weights, gradients and averages of a residual control in 32 bits.
        learning_control: What learning from a portion of its points adds.
        adapter: Weights, gradients and averages of LoRA of rank 4 in 32 bits.
        differentiated_decoding: What decoding one image with a graph adds, weights of the decoder included.
        reading: Weights of the encoders of texts in 16 bits, which are needed once, before all else, and then no more.
        batch: Images in a round.
    """

    base: int
    forward: int
    decoding: int
    value: int
    learning: int
    paths: int
    through_one: int
    through_two: int
    control: int
    learning_control: int
    adapter: int
    differentiated_decoding: int
    reading: int
    batch: int

    @property
    def value_matching(self) -> int:
        """The peak of Value Matching: the largest of what is never needed together, beside the weights."""
        return self.base + self.value + max(self.forward, self.decoding, self.learning)

    @property
    def through_the_base(self) -> int:
        """V₁ + (batch − 1)(V₂ − V₁), what one differentiated pass of the whole batch takes; the paper's Fig. 1."""
        return self.through_one + (self.batch - 1) * (self.through_two - self.through_one)


def estimate_memory(name: str, batch: int = 128, *, value_size: str = "B", steps: int = 100) -> MemoryEstimate:
    """The memory that training on a published model takes.

    Args:
        name: One of `ARCHITECTURES`, whose weights are not needed, or the folder of a pipeline.
        batch: Images in a round.
        value_size: Of the value network, A to F.
        steps: Steps of a path.

    Raises:
        UnknownNameError: There is no such model or size.
        ModelError: The folder's settings cannot be read.
        ConfigError: The batch is not positive.
        MissingDependencyError: diffusers is not installed.
    """
    model = architecture_of(name)
    if value_size not in IMAGE_SIZES:
        raise UnknownNameError("value network size", value_size, IMAGE_SIZES)
    if batch < 1:
        raise ConfigError(f"The batch is {batch}.", allowed="a whole number from 1")
    diffusers = _diffusers()
    kind, settings = model.network
    channels, size = model.latent
    with FakeTensorMode(allow_non_fake_inputs=True):
        network = _in_sixteen_bits(getattr(diffusers, kind), settings)
        base = _bytes_of(network)
        forward = peak(lambda: torch.no_grad()(_pass)(network, model, min(batch, IMAGES_AT_ONCE)))
        network.requires_grad_(True)
        one, two = (base + peak(partial(_pass, network, model, count)) for count in (1, 2))
        value = ImageValue(channels, IMAGE_SIZES[value_size])
        learning = peak(lambda: _learn(value, channels, size, min(batch, ImageValue.trained_at_once)))
        control = ImageControl(channels, (size, size), IMAGE_CONTROL_WIDTHS[value_size])
        learning_control = peak(lambda: _learn(control, channels, size, min(batch, ImageControl.trained_at_once)))
        decoding, differentiated = (
            0 if model.decoder is None else _decoding(diffusers, model, graph=graph) for graph in (False, True)
        )
        reading = sum(_encoder_bytes(*encoder) for encoder in model.encoders)
    paths = 4 * (steps + 1) * batch * channels * size**2
    return MemoryEstimate(
        base=base,
        forward=forward,
        decoding=decoding,
        value=ADAM * _bytes_of(value),
        learning=learning,
        paths=paths,
        through_one=one,
        through_two=two,
        control=ADAM * _bytes_of(control),
        learning_control=learning_control,
        adapter=ADAM * FOUR_BYTES * _adapter_weights(network),
        differentiated_decoding=differentiated,
        reading=reading,
        batch=batch,
    )


def peak(run: Callable[[], Any]) -> int:
    """The most bytes of tensors made by `run` that are alive at once; its result is alive to the end."""
    alive = _Alive()
    with alive:
        run()
    return alive.most


class _Alive(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the storages that operations make, as long as something holds them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most: int = 0
        self._storages: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        known = {each.untyped_storage()._cdata for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)}
        out = func(*args, **(kwargs or {}))
        for each in tree_leaves(out):
            if isinstance(each, Tensor) and (storage := each.untyped_storage())._cdata not in known:
                held = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                self._storages[storage._cdata] = held, storage.nbytes()
        gone = [key for key, (held, _) in self._storages.items() if held.expired()]  # type: ignore[no-untyped-call]
        for key in gone:
            del self._storages[key]
        self.most = max(self.most, sum(size for _, size in self._storages.values()))
        return out


def _pass(network: nn.Module, model: Architecture, count: int) -> Tensor:
    """A prediction of the base, as `Denoiser.predict` asks for it."""
    channels, size = model.latent
    x = torch.zeros(count, channels, size, size, dtype=torch.bfloat16)
    steps = torch.zeros(count, dtype=torch.long)
    tokens, width = model.texts
    texts = torch.zeros(count, tokens, width, dtype=torch.bfloat16)
    given: dict[str, Any] = {"encoder_hidden_states": texts} if tokens else {}
    if model.pooled:
        given["pooled_projections"] = torch.zeros(count, model.pooled, dtype=torch.bfloat16)
    if model.network[0] == "DiTTransformer2DModel" or model.network[1].get("num_class_embeds"):
        given["class_labels"] = steps
    predicted: Tensor = network(x, timestep=steps, **given).sample
    return predicted


def _learn(network: nn.Module, channels: int, size: int, count: int) -> None:
    x = TensorState(torch.zeros(count, channels, size, size))
    found = network(x, torch.zeros(count))
    (found.x if isinstance(found, TensorState) else found).sum().backward()
    network.zero_grad()


def _adapter_weights(network: nn.Module, rank: int = 4) -> int:
    """Numbers in LoRA of the projections of attention."""
    chosen = [
        each for name, each in network.named_modules() if name.endswith(ATTENTION) and isinstance(each, nn.Linear)
    ]
    return sum(rank * (each.in_features + each.out_features) for each in chosen)


def _decoding(diffusers: Any, model: Architecture, *, graph: bool) -> int:
    channels, size = model.latent
    decoder = _in_sixteen_bits(diffusers.AutoencoderKL, model.decoder or {})
    decoder.encoder = None
    latents = torch.zeros(DECODED_AT_ONCE, channels, size, size, dtype=torch.bfloat16)
    latents.requires_grad_(graph)
    return _bytes_of(decoder) + peak(lambda: _decode(decoder, latents))


def _decode(decoder: Any, latents: Tensor) -> None:
    with torch.set_grad_enabled(latents.requires_grad):
        pixels = decoder.decode(latents).sample
        if latents.requires_grad:
            torch.autograd.grad(pixels.sum(), latents)


def _in_sixteen_bits(kind: Callable[..., Any], settings: Mapping[str, Any]) -> Any:
    """A frozen network; made so, because fake weights cannot be converted."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        return kind(**settings).eval().requires_grad_(False)
    finally:
        torch.set_default_dtype(before)


def _encoder_bytes(kind: str, settings: Mapping[str, Any]) -> int:
    """Of an encoder of texts, as transformers builds it."""
    import transformers

    encoder = getattr(transformers, kind)
    return _bytes_of(_in_sixteen_bits(encoder, {"config": encoder.config_class(**settings)}))


def _bytes_of(network: nn.Module) -> int:
    """Of what a file of the network holds, constants in the type of the weights."""
    width: int = next(network.parameters()).element_size()
    numbers: int = sum(each.numel() for each in network.state_dict().values())
    return width * numbers


def _diffusers() -> Any:
    try:
        import diffusers
    except ImportError as error:
        raise MissingDependencyError("diffusers", "images", "Estimating the memory of a model") from error
    return diffusers
