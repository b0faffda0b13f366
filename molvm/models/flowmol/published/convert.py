"""A published FlowMol folder as a model of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

from molvm.digests import sha256_of
from molvm.errors import ModelError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.ctmc.model import CtmcModel
from molvm.models.flowmol.ctmc.network import CtmcNetwork
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.published import ctmc, gaussian
from molvm.models.flowmol.published.catalogue import PUBLISHED
from molvm.models.flowmol.published.checkpoint import Checkpoint, find_checkpoint, read_checkpoint
from molvm.models.flowmol.published.identity import require_published_file, require_published_kind
from molvm.models.flowmol.published.naming import default_name
from molvm.models.flowmol.published.settings import KINDS, parameterisation, refuse
from molvm.models.flowmol.published.soundness import require_sound
from molvm.models.flowmol.sizes import SizeHistogram

PREFIX: Final = "vector_field."

Network = TypeVar("Network", bound=FlowMolNetwork)
Config = TypeVar("Config", bound=FlowMolConfig)


def convert(folder: Path, name: str | None = None) -> FlowMolModel | CtmcModel:
    """The model in a published folder.

    Args:
        folder: Holds `checkpoints/*.ckpt`; or the checkpoint itself.
        name: What to call it; the folder's name by default. That of a published model says how it is sampled, and is
            refused to any other.

    Raises:
        InputFileError: There is no checkpoint, or it cannot be read safely.
        ModelError: It is of a kind that molvm does not run, or not the published model of that name.
    """
    path = find_checkpoint(folder)
    called = name or default_name(folder)
    require_published_file(called, path)
    checkpoint = read_checkpoint(path)
    try:
        require_published_kind(called, checkpoint)
        return _converted(checkpoint, called)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError) as error:
        raise ModelError(
            f"The settings in {checkpoint.path} are not those of FlowMol: {error!r}.", allowed=KINDS
        ) from error


def _converted(checkpoint: Checkpoint, name: str) -> FlowMolModel | CtmcModel:
    kind = parameterisation(checkpoint)
    if kind == gaussian.PARAMETERISATION:
        network = _with_weights(FlowMolNetwork, gaussian.gaussian_config(checkpoint), checkpoint)
        return FlowMolModel(network, atom_counts(dataset_name(checkpoint)), name, _card(checkpoint, network))
    if kind == ctmc.PARAMETERISATION:
        tokens = _with_weights(CtmcNetwork, ctmc.ctmc_config(checkpoint), checkpoint)
        published = PUBLISHED.get(name)
        options = ctmc.chain_options(checkpoint, published.sampling if published else {})
        return CtmcModel(tokens, atom_counts(_sizes_of_tokens(checkpoint)), name, options, _card(checkpoint, tokens))
    raise refuse(checkpoint.path, checkpoint.settings)


def _with_weights(build: Callable[[Config], Network], config: Config, checkpoint: Checkpoint) -> Network:
    weights = {name.removeprefix(PREFIX): value for name, value in checkpoint.weights.items()}
    require_sound(checkpoint.path, build, config, weights)
    network = build(config)
    network.load_state_dict(weights)
    return network


def _card(checkpoint: Checkpoint, network: FlowMolNetwork) -> dict[str, Any]:
    digest = sha256_of(checkpoint.path)
    return {
        "source": {
            "checkpoint": checkpoint.path.name,
            "checkpoint_sha256": digest,
            "published_as": next((known for known, entry in PUBLISHED.items() if entry.sha256 == digest), None),
            "license": "MIT, Copyright (c) 2023 University of Pittsburgh (FlowMol)",
        },
        "dataset": dataset_name(checkpoint),
        "weights": "moving average of the training" if checkpoint.averaged else "last of the training",
        "coupling": "positions aligned with their noise in training, so that their score is approximate",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def dataset_name(checkpoint: Checkpoint) -> str:
    """The dataset, qm9 or geom, by the elements the model knows."""
    return "qm9" if len(checkpoint.settings["atom_type_map"]) == 5 else "geom"


def _sizes_of_tokens(checkpoint: Checkpoint) -> str:
    """Which molecules the model was trained on: FlowMol3 took the whole and connected ones of GEOM alone."""
    name = dataset_name(checkpoint)
    return "geom_connected" if name == "geom" and ctmc.is_flowmol3(checkpoint.settings) else name


def atom_counts(dataset: str) -> SizeHistogram:
    """How many molecules of each size FlowMol was trained on."""
    text = (resources.files("molvm.models.flowmol.published") / "atom_counts.json").read_text(encoding="utf-8")
    counts = json.loads(text)[dataset]
    return SizeHistogram(tuple(counts["n_atoms"]), tuple(counts["counts"]))
