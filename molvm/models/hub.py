"""Base models by name or by path: safetensors and a JSON card, never a pickle, never a download."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from molvm.arguments import typed
from molvm.datasets.home import data_home
from molvm.digests import sha256_of
from molvm.durable import published, replace_text
from molvm.errors import ModelError, UnknownNameError
from molvm.models.flowmol.compiled import compile_blocks
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.ctmc.config import CtmcConfig
from molvm.models.flowmol.ctmc.model import CtmcModel
from molvm.models.flowmol.ctmc.network import CtmcNetwork
from molvm.models.flowmol.ctmc.options import ChainOptions
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.published.catalogue import PUBLISHED, how_to_get
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import DenoiserModel
from molvm.models.images.pipelines import INDEX_FILE, is_pipeline, load_pipeline
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.models.images.placement import Placement
from molvm.models.images.published import PUBLISHED_IMAGES, how_to_get_images, published_path
from molvm.models.precision import Precision, resolve_precision

WEIGHTS_FILE: Final = "model.safetensors"
CARD_FILE: Final = "card.json"
FORMAT_VERSION: Final = 1

CONTINUOUS, TOKENS, PIXELS = "flowmol", "flowmol-ctmc", "pixel-flow"
"""The kinds of models, as their cards call them."""

OwnModel = FlowMolModel | CtmcModel | PixelFlowModel
"""What has a card, and can be saved."""

LoadedModel = OwnModel | DenoiserModel

PREFIX: Final = "flowmol:"
"""Of the names of converted models."""

GEOM: Final = "geom"
"""Stands for the first of `GEOM_MODELS` that is here."""

GEOM_MODELS: Final = (f"{PREFIX}geom_gaussian", "drugs")
"""FlowMol's own model of GEOM-Drugs, and the stand-in that comes with molvm."""

logger = logging.getLogger(__name__)


def bundled_models() -> dict[str, Path]:
    """The models that come with molvm: name to directory."""
    root = Path(str(resources.files("molvm") / "weights"))
    found = sorted(root.glob(f"*/{CARD_FILE}")) if root.is_dir() else []
    return {card.parent.name: card.parent for card in found}


def model_names() -> list[str]:
    """Names that `load_model` finds: the bundled models and the converted ones."""
    return sorted({**bundled_models(), **converted_models()})


def resolve_name(name: str) -> str:
    """The name of the model that a name means: another one for "geom" alone, and then a stand-in is logged."""
    if name != GEOM:
        return name
    original, stand_in = GEOM_MODELS
    known = model_names()
    if original in known or stand_in not in known:
        return original
    logger.warning(
        "%s is not here. The base model is %r, a stand-in trained on drug-like molecules of MOSES, not on GEOM. "
        "`molvm models info %s` says how to get the original.",
        original,
        stand_in,
        original,
    )
    return stand_in


def converted_home() -> Path:
    """Where converted models are kept."""
    return data_home() / "models" / "flowmol"


def converted_models() -> dict[str, Path]:
    """FlowMol's published models that have been converted here: name, with its prefix, to directory."""
    root = converted_home()
    found = sorted(root.glob(f"*/{CARD_FILE}")) if root.is_dir() else []
    return {f"{PREFIX}{card.parent.name}": card.parent for card in found}


def missing_published(name: str) -> str | None:
    """How to get a published model that has not been converted here; None for every other name."""
    missing = name in _published_names() and name not in converted_models()
    return how_to_get(name.removeprefix(PREFIX)) if missing else None


def _published_names() -> list[str]:
    return [PREFIX + each for each in PUBLISHED]


@typed()
def load_model(
    name_or_path: str | Path,
    *,
    precision: str = "auto",
    compile: bool = False,
    conditioning: Conditioning | None = None,
    placement: Placement | None = None,
) -> LoadedModel:
    """A frozen base model: a `CtmcModel` can be sampled, all others can be steered too.

    Args:
        name_or_path: A bundled model's name, `flowmol:` and the name of a published model that was converted here, a
            directory with `model.safetensors` and `card.json`, or "geom": `flowmol:geom_gaussian` if it was converted
            here, else the bundled `drugs`, a stand-in. Of images also the folder of a pipeline of diffusers, or a name
            of `PUBLISHED_IMAGES`, which is looked for on this machine.
        precision: Of the matrix products: "float32", "bfloat16", or "auto": bfloat16 where the device has it.
        compile: Compile the network at its first use, which takes a minute and makes it a fifth faster.
        conditioning: Prompts, classes and guidance, for pipelines of diffusers; of `digits` its classes.
        placement: Where their networks compute, on the processor by default; all others compute there.

    Raises:
        UnknownNameError: Neither a known name nor a directory, or an unknown precision.
        ModelError: The directory is incomplete or damaged, is not on this machine, or does not fit the conditioning or
            the placement.
        MissingDependencyError: It is to be compiled, and there is no C++ compiler; or it needs diffusers.
    """
    name, path = _found(name_or_path)
    asked = conditioning or Conditioning()
    if is_pipeline(path):
        place = placement or Placement()
        model: LoadedModel = load_pipeline(path, name, resolve_precision(precision, str(place.device)), asked, place)
    else:
        _require_processor(name, placement)
        model = _read(path, name, resolve_precision(precision), asked)
    if compile:
        _compile(model)
    return model


def _require_processor(name: str, placement: Placement | None) -> None:
    if placement is not None and (placement.device.type != "cpu" or placement.offload):
        raise ModelError(
            f"The model {name} computes on the processor.",
            allowed="device and offload for pipelines of diffusers alone",
        )


def amend_card(name_or_path: str | Path, entries: Mapping[str, Any]) -> Path:
    """Add to what the card of a model says.

    Args:
        name_or_path: As for `load_model`.
        entries: Plain values by key; those of keys that the card has are replaced.

    Returns:
        The card.

    Raises:
        UnknownNameError: Neither a known name nor a directory.
        ModelError: The directory is incomplete, or has no card.
        OutputExistsError: The card cannot be written.
    """
    name, path = _found(name_or_path)
    card = path / CARD_FILE
    if not card.is_file():
        raise ModelError(f"The pipeline {name} has no {CARD_FILE} to be amended.", allowed="a model of molvm's own")
    replace_text(card, _card_text({**json.loads(card.read_text(encoding="utf-8")), **entries}))
    return card


def _found(name_or_path: str | Path) -> tuple[str, Path]:
    """The name of a model, and its directory."""
    name, known = resolve_name(str(name_or_path)), {**bundled_models(), **converted_models()}
    if (advice := missing_published(name)) is not None:
        raise ModelError(
            f"The model {name} has not been converted on this machine.",
            allowed=", ".join(sorted(known)),
            remedy=advice,
        )
    if name in PUBLISHED_IMAGES:
        return name, _published_images(name)
    path = known.get(name, Path(name))
    if path.is_dir() and not (path / CARD_FILE).is_file() and not is_pipeline(path):
        raise ModelError(
            f"The directory {path} holds no base model, and no run.",
            allowed=f"a directory with {WEIGHTS_FILE} and {CARD_FILE}, or with {INDEX_FILE}, or one of "
            f"{', '.join(sorted({*known, *PUBLISHED_IMAGES}))}",
        )
    if path.is_dir():
        return name if name in known else path.resolve().name, path
    raise UnknownNameError("base model", name, {*known, *_published_names(), *PUBLISHED_IMAGES})


def _published_images(name: str) -> Path:
    path = published_path(name)
    if path is None:
        raise ModelError(
            f"The model {name} ({PUBLISHED_IMAGES[name].shows}) is not on this machine.", remedy=how_to_get_images(name)
        )
    return path


def save_model(model: OwnModel, path: Path) -> None:
    """Writes a model directory, whole or not at all.

    Args:
        model: The model; its `card` is written with it.
        path: A directory that does not exist yet.

    Raises:
        OutputExistsError: There is something at `path`, or it cannot be written.
        ConfigError: The model is sampled at a temperature that is a function.
    """
    with published(path, parents=True) as part:
        part.mkdir()
        weights = part / WEIGHTS_FILE
        # Not save_file, which has errors and permissions of its own.
        weights.write_bytes(save({name: value.contiguous() for name, value in model.network.state_dict().items()}))
        card = {
            **model.card,
            "format_version": FORMAT_VERSION,
            **_described(model),
            "config": model.config.to_dict(),
            "sha256": sha256_of(weights),
        }
        (part / CARD_FILE).write_text(_card_text(card), encoding="utf-8")


def _described(model: OwnModel) -> dict[str, Any]:
    """What the card of a model of that kind says besides its network."""
    if isinstance(model, PixelFlowModel):
        return {"kind": PIXELS, "labels": list(model.labels)}
    sizes = {"sizes": list(model.sizes.sizes), "size_counts": list(model.sizes.counts)}
    if isinstance(model, CtmcModel):
        return {"kind": TOKENS, "sampling": model.options.to_dict(), **sizes}
    return {"kind": CONTINUOUS, **sizes}


def _compile(model: LoadedModel) -> None:
    if isinstance(model, PixelFlowModel | DenoiserModel):
        raise ModelError(f"The network of the model {model.name} is not compiled.", remedy="model.compile = false")
    compile_blocks(model.network)


def _card_text(card: Mapping[str, Any]) -> str:
    return json.dumps(card, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _read(path: Path, name: str, precision: Precision, asked: Conditioning) -> OwnModel:
    try:
        card: Mapping[str, Any] = json.loads((path / CARD_FILE).read_text(encoding="utf-8"))
        _require_readable(path, card)
        weights = load_file(path / WEIGHTS_FILE)
        if card["kind"] == PIXELS:
            pixels = PixelNetwork(PixelConfig.from_dict(card["config"]))
            pixels.load_state_dict(weights)
            chosen = asked.chosen_of(name, card["labels"])
            return PixelFlowModel(pixels, card["labels"], name, card, chosen)
        asked.require_none(name)
        sizes = SizeHistogram(tuple(card["sizes"]), tuple(card["size_counts"]))
        if card["kind"] == TOKENS:
            tokens = CtmcNetwork(CtmcConfig.from_dict(card["config"]))
            tokens.load_state_dict(weights)
            return CtmcModel(tokens, sizes, name, ChainOptions.from_dict(card["sampling"]), card, precision)
        network = FlowMolNetwork(FlowMolConfig.from_dict(card["config"]))
        network.load_state_dict(weights)
        return FlowMolModel(network, sizes, name, card, precision)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"The model {path} cannot be read: {error!r}.",
            allowed=f"a directory with {WEIGHTS_FILE} and {CARD_FILE}",
            remedy="a fresh copy of the model",
        ) from error


def _require_readable(path: Path, card: Mapping[str, Any]) -> None:
    """Refuse a card from a newer molvm, of another kind of model, or of other weights."""
    version, kind = card["format_version"], card["kind"]
    if version > FORMAT_VERSION:
        raise ModelError(f"The model {path} has format {version}.", allowed=f"up to {FORMAT_VERSION}")
    if kind not in (CONTINUOUS, TOKENS, PIXELS):
        raise ModelError(
            f"The model {path} is of the kind {kind!r}.",
            allowed=f"{CONTINUOUS}, {TOKENS}, {PIXELS}",
            remedy="a newer molvm",
        )
    if sha256_of(path / WEIGHTS_FILE) != card["sha256"]:
        raise ModelError(f"The weights of the model {path} do not match its card.", remedy="a fresh copy")
