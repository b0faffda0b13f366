"""A published FlowMol folder as a model of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file
from torch import Tensor

from molvm.digests import sha256_of
from molvm.errors import InputFileError, ModelError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.model import FlowMolModel, SizeHistogram
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.published.catalogue import PUBLISHED

READER: Final = "molvm.models.flowmol.published.read_checkpoint"
TIME_LIMIT: Final = 600.0
"""Seconds; reading the largest published file takes a few."""

PREFIX: Final = "vector_field."
MODALITIES: Final = "xace"
GAUSSIAN: Final = {"x": "centered-normal", "a": "gaussian", "c": "gaussian", "e": "gaussian"}


@dataclass(frozen=True)
class Checkpoint:
    """What a Lightning checkpoint holds.

    Attributes:
        path: The file.
        settings: FlowMol's hyper-parameters as plain values.
        weights: Tensors by upstream's names.
        averaged: Whether they are the moving average that training kept.
    """

    path: Path
    settings: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    averaged: bool


def convert(folder: Path) -> FlowMolModel:
    """The model in a published folder.

    Args:
        folder: Holds `checkpoints/*.ckpt`; or the checkpoint itself.

    Raises:
        InputFileError: There is no checkpoint, or it cannot be read safely.
        ModelError: It is of a kind that molvm does not run.
    """
    checkpoint = read_checkpoint(find_checkpoint(folder))
    config = network_config(checkpoint)
    network = FlowMolNetwork(config)
    weights = {name.removeprefix(PREFIX): value for name, value in checkpoint.weights.items()}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(
            f"The weights in {checkpoint.path} do not fit the settings beside them: {error}",
            allowed="a continuous FlowMol of version 0.1 or 2.0",
        ) from error
    digest = sha256_of(checkpoint.path)
    name = folder.resolve().name
    card = {
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
    return FlowMolModel(network, atom_counts(dataset_name(checkpoint)), name, card)


def find_checkpoint(folder: Path) -> Path:
    """The checkpoint file in a folder as it is published.

    Raises:
        InputFileError: There is none, or there are several and none is called as the published ones are.
    """
    if folder.is_file():
        return folder
    found = sorted(folder.glob("checkpoints/*.ckpt")) or sorted(folder.glob("*.ckpt"))
    named = [path for path in found if path.name in ("last.ckpt", "model.ckpt")]
    if len(found) == 1 or len(named) == 1:
        return (named or found)[0]
    raise InputFileError(
        f"The folder {folder} holds {'no checkpoint' if not found else 'several checkpoints'}.",
        allowed="a folder with checkpoints/model.ckpt or checkpoints/last.ckpt, as published; or the path of one file",
        remedy=None if not found else "the path of the one that is meant",
    )


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a Lightning checkpoint in a process of its own, which unpickles tensors and plain values alone.

    Raises:
        InputFileError: It holds anything else, is damaged, or is no Lightning checkpoint.
    """
    with tempfile.TemporaryDirectory(prefix="molvm-convert-") as out:
        command = [sys.executable, "-m", READER, str(path), out]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
        except subprocess.TimeoutExpired as error:
            raise InputFileError(f"Reading {path} took longer than {TIME_LIMIT:.0f} s.") from error
        if done.returncode != 0:
            raise InputFileError(
                f"The checkpoint {path} cannot be read safely: {_reason(done.stderr)}.",
                allowed="a Lightning checkpoint of FlowMol: tensors and plain settings; nothing else is unpickled",
                remedy="downloading it again",
            )
        average = Path(out) / "average.safetensors"
        weights = load_file(average if average.exists() else Path(out) / "weights.safetensors")
        settings = json.loads((Path(out) / "settings.json").read_text(encoding="utf-8"))
        return Checkpoint(path, settings, weights, average.exists())


def _reason(stderr: str) -> str:
    """The last exception of a traceback, in one line."""
    lines = [line for line in stderr.splitlines() if line and not line.startswith(("\t", " "))]
    unpickling = [line for line in lines if "Unpickl" in line or "GLOBAL" in line]
    return ((unpickling or lines)[-1] if lines else "the reader ended without a word").rstrip(".")


def network_config(checkpoint: Checkpoint) -> FlowMolConfig:
    """The shape of the network, from the settings that training recorded.

    Raises:
        ModelError: The model is not a continuous one with a Gaussian prior, endpoint prediction and cosine schedules.
    """
    settings = checkpoint.settings
    try:
        require_gaussian(settings, checkpoint.path)
        sizes, scheduler = settings["vector_field_config"], settings["interpolant_scheduler_config"]
        return FlowMolConfig(
            elements=tuple(settings["atom_type_map"]),
            n_charges=int(settings["n_atom_charges"]),
            n_bonds=int(settings.get("n_bond_types", 5)),
            schedule_exponents=exponents(scheduler["cosine_params"]),
            hidden_scalars=int(sizes["n_hidden_scalars"]),
            hidden_edges=int(sizes["n_hidden_edge_feats"]),
            vector_channels=int(sizes["n_vec_channels"]),
            cross_products=int(sizes["n_cp_feats"]),
            rbf_dim=int(sizes["rbf_dim"]),
            rbf_dmax=float(sizes["rbf_dmax"]),
            molecule_updates=int(sizes["n_molecule_updates"]),
            convs_per_update=int(sizes["convs_per_update"]),
            message_gvps=int(sizes["n_message_gvps"]),
            update_gvps=int(sizes["n_update_gvps"]),
            recycles=int(sizes["n_recycles"]),
            message_norm=float(sizes["message_norm"]),
            separate_updaters=bool(sizes["separate_mol_updaters"]),
            update_edges_with_distance=bool(sizes["update_edge_w_distance"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"The settings in {checkpoint.path} are not those of FlowMol: {error!r}.",
            allowed="a continuous FlowMol of version 0.1 or 2.0",
        ) from error


def require_gaussian(settings: Mapping[str, Any], path: Path) -> None:
    """Refuse models whose noise or prediction is of another kind.

    Raises:
        ModelError: Another prior, parameterisation or schedule.
    """
    priors = {key: settings["prior_config"][key]["type"] for key in MODALITIES}
    schedules = {settings["interpolant_scheduler_config"]["schedule_type"][key] for key in MODALITIES}
    kind = settings["parameterization"]
    if priors != GAUSSIAN or kind != "endpoint" or schedules != {"cosine"}:
        raise ModelError(
            f"The model in {path} has the parameterisation {kind!r}, the priors {priors} and the schedules "
            f"{', '.join(sorted(schedules))}.",
            allowed="endpoint prediction, Gaussian priors, cosine schedules",
            remedy=f"one of {', '.join(PUBLISHED)}",
        )


def exponents(cosine: Mapping[str, float]) -> tuple[float, float, float, float]:
    """ν of positions, types, charges and bonds."""
    x, a, c, e = (float(cosine[key]) for key in MODALITIES)
    return x, a, c, e


def dataset_name(checkpoint: Checkpoint) -> str:
    """The dataset, qm9 or geom, by the elements the model knows."""
    return "qm9" if len(checkpoint.settings["atom_type_map"]) == 5 else "geom"


def atom_counts(dataset: str) -> SizeHistogram:
    """How many molecules of each size FlowMol was trained on."""
    text = (resources.files("molvm.models.flowmol.published") / "atom_counts.json").read_text(encoding="utf-8")
    counts = json.loads(text)[dataset]
    return SizeHistogram(tuple(counts["n_atoms"]), tuple(counts["counts"]))
