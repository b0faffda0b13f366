"""Pipelines of diffusers from local folders, as `pipeline.save_pretrained` writes them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch

from molvm.digests import sha256_of
from molvm.errors import MissingDependencyError, ModelError
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import Denoiser, DenoiserModel
from molvm.models.images.dit import DitDenoiser
from molvm.models.images.placement import Placement
from molvm.models.images.stable_diffusion import StableDiffusionDenoiser
from molvm.models.images.stable_diffusion_3 import StableDiffusion3Denoiser
from molvm.models.images.unet_pixels import PixelDenoiser
from molvm.models.precision import Precision

INDEX_FILE: Final = "model_index.json"
SCHEDULER_FILE: Final = "scheduler_config.json"

PIXELS: Final = "UNet2DModel"
"""What a folder without an index may hold."""


@dataclass(frozen=True)
class Family:
    """How pipelines of one class become a base model.

    Attributes:
        network: The folder of what is steered.
        left_out: Components that are never used; as large as the rest, some of them.
        adapt: Pipeline, conditioning, name and placement to the denoiser.
        optional: Components without which it works, worse.
    """

    network: str
    left_out: tuple[str, ...]
    adapt: Callable[[Any, Conditioning, str, Placement], Denoiser]
    optional: tuple[str, ...] = ()


def _pixels(pipeline: Any, conditioning: Conditioning, name: str, placement: Placement) -> Denoiser:
    return PixelDenoiser(pipeline.unet, pipeline.scheduler, conditioning, name, placement)


FAMILIES: Final[Mapping[str, Family]] = {
    "DDPMPipeline": Family("unet", (), _pixels),
    "DDIMPipeline": Family("unet", (), _pixels),
    "DiTPipeline": Family("transformer", (), DitDenoiser),
    "StableDiffusionPipeline": Family(
        "unet", ("safety_checker", "feature_extractor", "image_encoder"), StableDiffusionDenoiser
    ),
    "StableDiffusion3Pipeline": Family(
        "transformer",
        ("feature_extractor", "image_encoder"),
        StableDiffusion3Denoiser,
        ("text_encoder_3", "tokenizer_3"),
    ),
}
"""By the class that stands in the folder's index."""


def is_pipeline(path: Path) -> bool:
    """Whether a folder holds a pipeline of diffusers, or a `UNet2DModel` beside its scheduler."""
    return (path / INDEX_FILE).is_file() or _class_in(path / "config.json") == PIXELS


def pipeline_class(path: Path) -> str | None:
    """What a folder for which `is_pipeline` holds, by the class of diffusers; None if its index does not say."""
    return _class_in(path / INDEX_FILE) if (path / INDEX_FILE).is_file() else PIXELS


def load_pipeline(
    path: Path, name: str, precision: Precision, conditioning: Conditioning, placement: Placement
) -> DenoiserModel:
    """The base model in a folder.

    Args:
        path: For which `is_pipeline`.
        name: How runs and messages call it.
        precision: Of the network.
        conditioning: Prompts or classes, and guidance.
        placement: Where its networks compute.

    Raises:
        MissingDependencyError: diffusers is not installed.
        ModelError: The folder is damaged or incomplete, its class is not known here, or it does not fit the
            conditioning.
    """
    kind = pipeline_class(path)
    family = Family("", (), _pixels) if kind == PIXELS else FAMILIES.get(str(kind))
    if family is None:
        told = f"The pipeline {path} is a {kind}" if kind else f"{path / INDEX_FILE} names no class of a pipeline"
        raise ModelError(f"{told}.", allowed=f"{', '.join(FAMILIES)}, or a {PIXELS}")
    _require_whole(path, family)
    diffusers = _diffusers()
    try:
        pipeline = _read(
            diffusers, path, str(kind), family, torch.bfloat16 if precision == "bfloat16" else torch.float32
        )
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"The pipeline {path} cannot be read: {error!r:.500}.", remedy="a fresh copy of the whole folder"
        ) from error
    return DenoiserModel(
        family.adapt(pipeline, conditioning, name, placement),
        name,
        guidance_scale=conditioning.guidance_scale,
        card={"kind": kind, "path": str(path), "sha256": _digest(path / family.network)},
        precision=precision,
    )


def _require_whole(path: Path, family: Family) -> None:
    """Make sure that there is a folder for each component that is used.

    Raises:
        ModelError: One is missing.
    """
    unused = {*family.left_out, *family.optional}
    parts = (part for part, known in _index(path).items() if isinstance(known, list) and known != [None, None])
    if absent := [part for part in parts if part not in unused and not (path / part).is_dir()]:
        raise ModelError(
            f"The pipeline {path} lacks the folder {', '.join(absent)}, which its {INDEX_FILE} names.",
            remedy="a fresh copy of the whole folder",
        )


def _index(path: Path) -> dict[str, Any]:
    """What a pipeline consists of; nothing if it is a network beside its scheduler."""
    file = path / INDEX_FILE
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _read(diffusers: ModuleType, path: Path, kind: str, family: Family, dtype: torch.dtype) -> Any:
    if kind == PIXELS:
        unet = diffusers.UNet2DModel.from_pretrained(path, local_files_only=True, dtype=dtype)
        scheduler = diffusers.DDPMScheduler.from_pretrained(path, local_files_only=True)
        return diffusers.DDPMPipeline(unet, scheduler)
    absent = [each for each in family.optional if not (path / each).is_dir()]
    unset = [each for each, described in _index(path).items() if described == [None, None]]
    missing: dict[str, Any] = dict.fromkeys([*family.left_out, *absent, *unset])
    return getattr(diffusers, kind).from_pretrained(path, local_files_only=True, dtype=dtype, **missing)


def _diffusers() -> ModuleType:
    try:
        import diffusers
        import transformers
    except ImportError as error:
        raise MissingDependencyError("diffusers", "images", "Reading published models of images") from error
    # What they say of packages that are not needed here would hide what molvm says.
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    for handler in logging.getLogger("transformers").handlers:
        handler.addFilter(_is_of_use)
    return diffusers


def _is_of_use(record: logging.LogRecord) -> bool:
    """Whether transformers says something else than that it would like torchvision, which molvm does without."""
    return "torchvision" not in record.getMessage()


def _class_in(path: Path) -> str | None:
    """The class that a settings file of diffusers names; None if it is none."""
    with suppress(OSError, ValueError, AttributeError):
        return str(json.loads(path.read_text(encoding="utf-8")).get("_class_name"))
    return None


def _digest(folder: Path) -> str:
    """Of the weights of the network, in all their files."""
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    return hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()
