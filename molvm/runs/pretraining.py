"""Pretraining a base model from the command line or Python: shapes, resuming, publishing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from molvm.datasets.elements import GEOM_ELEMENTS
from molvm.datasets.registry import load_dataset
from molvm.datasets.store import MoleculeDataset
from molvm.errors import CheckpointError, ConfigError, ModelError, OutputExistsError, UnknownNameError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.elements import for_elements
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.hub import load_model, save_model
from molvm.programs.pasted import pasted
from molvm.runs.directory import RunDirectory
from molvm.runs.interruption import Interruption
from molvm.runs.manifest import now, package_versions
from molvm.training.checkpoint import has_checkpoint, load_checkpoint
from molvm.training.pretrain import Pretrainer, PretrainProgress, pretrain
from molvm.training.pretrain_options import PretrainOptions

MODEL_FOLDER = "model"
"""Of a pretraining's directory: the published model."""

EARLIER_FOLDER = "models"
"""Likewise: models from on the way."""

RESUMED_WITH = ("steps", "precision", "shards")
"""Settings that a resumed pretraining may be given anew."""


def small_network(dataset: MoleculeDataset) -> FlowMolConfig:
    """A network of about 2 M parameters for kekulised molecules, with one GVP wherever the released ones have three.

    Args:
        dataset: Gives the elements.
    """
    return FlowMolConfig(
        elements=tuple(dataset.elements),
        n_bonds=4,
        hidden_scalars=256,
        hidden_edges=64,
        molecule_updates=6,
        message_gvps=1,
        update_gvps=1,
        position_gvps=1,
        message_norm=20.0,
        time_features=16,
        self_conditioning=True,
    )


def drug_network(dataset: MoleculeDataset) -> FlowMolConfig:
    """The network for drug-like molecules: as small as `small_network`, with what FlowMol changes for GEOM-Drugs.

    Bonds appear as late as atom types and charges (cosine exponent 2), radial functions end at 12 Å, and messages are
    divided by about the number of neighbours, of which there are twice as many as in QM9.

    Args:
        dataset: Gives the elements.
    """
    return replace(small_network(dataset), schedule_exponents=(1.0, 2.0, 2.0, 2.0), rbf_dmax=12.0, message_norm=40.0)


def default_network(dataset: MoleculeDataset) -> FlowMolConfig:
    """`drug_network` for the element map of GEOM, `small_network` for all others."""
    return drug_network(dataset) if dataset.elements == tuple(GEOM_ELEMENTS) else small_network(dataset)


def run_pretraining(
    dataset_name: str,
    out: Path,
    settings: Mapping[str, Any] | None = None,
    *,
    network: FlowMolConfig | None = None,
    resume: bool = False,
    start: str | None = None,
    hours: float | None = None,
    model_every: int | None = None,
    report: Callable[[PretrainProgress], None] | None = None,
) -> tuple[Path | None, int]:
    """Train a base and publish its averaged weights as a model directory when the last step is done.

    Args:
        dataset_name: A built dataset.
        out: The directory of checkpoints and of the published model, new or empty unless `resume`.
        settings: Fields of `PretrainOptions` that differ from their defaults. A resumed pretraining keeps its own; only
            `steps`, which stretches or cuts the schedule, `precision` and `shards` may be given anew.
        network: The shape; `default_network` by default.
        resume: Go on from the newest checkpoint in `out`.
        start: A model, by name or directory, to start warm from. The network keeps its shape; where the dataset has
            other elements, those that both have keep their weights.
        hours: Stop with a checkpoint after so much wall time; None for no limit.
        model_every: Publish the averaged weights of every so many steps too, as `out`/models/step-N.
        report: Called after each step.

    Returns:
        The published model, or None when it was stopped before; and the exit code of the signal that stopped it, or 0.

    Raises:
        ConfigError: A setting is out of range or cannot be changed, or both `resume` and `start` are given.
        DatasetError: The dataset is not built.
        ModelError: `start` is a model over tokens.
        CheckpointError: There is nothing to resume.
        OutputExistsError: `out` is not free, or there would be a model already where the new one has to go.
    """
    _check_request(resume=resume, start=start, network=network, hours=hours, model_every=model_every)
    directory = RunDirectory(out)
    weights: dict[str, Any] | None = None
    if resume:
        network, options = _resumed(out, settings or {})
        dataset = load_dataset(dataset_name)
    else:
        options = _changed(PretrainOptions(), settings or {})
        _require_free(directory)
        dataset = load_dataset(dataset_name)
        if start is not None:
            network, weights = _warm_start(start, dataset)
    directory.make()
    started = time.monotonic()
    with directory.exclusive(), Interruption() as interruption:
        trainer = pretrain(
            dataset,
            network or default_network(dataset),
            options,
            out,
            resume=resume,
            weights=weights,
            report=report,
            stop=lambda: interruption.requested or _is_up(hours, started),
            after_step=None if model_every is None else partial(_publish_on_the_way, out / EARLIER_FOLDER, model_every),
        )
        if trainer.step < options.steps:
            return None, interruption.exit_code
        model = out / MODEL_FOLDER
        if not model.exists():
            publish(trainer, model)
        return model, interruption.exit_code


def _publish_on_the_way(folder: Path, every: int, trainer: Pretrainer) -> None:
    model = folder / f"step-{trainer.step:08d}"
    if trainer.step % every == 0 and not model.exists():  # a resumed pretraining has made some already
        folder.mkdir(exist_ok=True)
        publish(trainer, model)


def _warm_start(name: str, dataset: MoleculeDataset) -> tuple[FlowMolConfig, dict[str, Tensor]]:
    """Shape and weights of a model for the elements of a dataset, which may be others than the model's."""
    base = _continuous(name)
    weights, config = for_elements(base.network.state_dict(), base.config, dataset.elements)
    if config.elements != base.config.elements:
        # So that sums over more or fewer neighbours come out as large as they did.
        config = replace(config, message_norm=default_network(dataset).message_norm)
    return config, weights


def _continuous(name: str) -> FlowMolModel:
    """The model of that name, if its network is the kind that is trained here."""
    model = load_model(name)
    if not isinstance(model, FlowMolModel):
        raise ModelError(
            f"The base model {name} has tokens for its classes (CTMC), and what is trained here is continuous.",
            allowed="models that are continuous in every modality, as qm9",
        )
    return model


def _check_request(
    *,
    resume: bool,
    start: str | None,
    network: FlowMolConfig | None,
    hours: float | None,
    model_every: int | None,
) -> None:
    if resume and start is not None:
        raise ConfigError("Both --resume and --from are given.", allowed="one of them")
    if network is not None and (resume or start is not None):
        raise ConfigError("The shape of the network is that of the earlier weights.", remedy="leaving out `network`")
    if hours is not None and not hours > 0:
        raise ConfigError(f"The time limit is {hours} hours.", allowed="a positive number")
    if model_every is not None and model_every < 1:
        raise ConfigError(f"A model is asked for every {model_every} steps.", allowed="a whole number from 1")


def _is_up(hours: float | None, started: float) -> bool:
    return hours is not None and time.monotonic() >= started + 3600 * hours


def _require_free(directory: RunDirectory) -> None:
    """Make sure that a pretraining can begin here.

    Raises:
        OutputExistsError: There is something in the directory.
    """
    if not directory.is_run and has_checkpoint(directory.checkpoints):
        raise OutputExistsError(
            f"{directory.path} holds the checkpoints of an earlier pretraining.", remedy="--resume, or another --out"
        )
    directory.require_free()


def _resumed(out: Path, settings: Mapping[str, Any]) -> tuple[FlowMolConfig, PretrainOptions]:
    """The shape and the options with which a pretraining goes on.

    Raises:
        CheckpointError: There is no whole checkpoint, or it is not of a pretraining.
        ConfigError: A setting cannot be changed.
        OutputExistsError: There is a model already, and more training would make another.
    """
    checkpoint = load_checkpoint(out / "checkpoints")
    kind = checkpoint.metadata.get("kind")
    if kind != "pretraining":
        raise CheckpointError(
            f"The checkpoints in {out} are of a {kind or 'process of another kind'}.",
            allowed="the directory of a pretraining",
            remedy=f"`{pasted('molvm train --resume', out)}`" if kind == "training" else "another --out",
        )
    fixed = [name for name in settings if name not in RESUMED_WITH]
    if fixed:
        raise ConfigError(
            f"{', '.join(fixed)} cannot be changed when a pretraining is resumed.",
            allowed=", ".join(RESUMED_WITH),
            remedy="leaving it out; the checkpoint has it",
        )
    stored: dict[str, Any] = checkpoint.metadata["options"]
    # JSON has no tuples.
    stored = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    if set(stored) != {field.name for field in fields(PretrainOptions)}:
        raise CheckpointError(
            f"The checkpoints in {out} were written by another version of molvm, which had other settings.",
            remedy=f"that version; or, if it published a model, {pasted('--from', out / MODEL_FOLDER)}",
        )
    options, model = _changed(PretrainOptions(**stored), settings), out / MODEL_FOLDER
    left = options.steps - checkpoint.step
    if left > 0 and model.exists():
        raise OutputExistsError(
            f"There is a model at {model} already, and {left} steps more would make another.",
            remedy="moving it away first",
        )
    return FlowMolConfig.from_dict(checkpoint.metadata["config"]), options


def _changed(options: PretrainOptions, settings: Mapping[str, Any]) -> PretrainOptions:
    names = [field.name for field in fields(PretrainOptions)]
    for name in settings:
        if name not in names:
            raise UnknownNameError("setting of a pretraining", name, names)
    return replace(options, **settings)


def publish(trainer: Pretrainer, path: Path) -> None:
    """Write the averaged weights and what is known of their training as a model directory.

    Args:
        trainer: A pretraining.
        path: A directory that does not exist yet.

    Raises:
        OutputExistsError: There is something at `path`.
    """
    dataset = trainer.dataset
    sizes, counts = dataset.size_histogram("train")
    network = FlowMolNetwork(trainer.config)
    network.load_state_dict(trainer.average)
    card = {
        "dataset": dataset.manifest.get("name"),
        "dataset_counts": dataset.manifest.get("counts"),
        "dataset_note": dataset.manifest.get("not_geom"),
        "source": dataset.manifest.get("source"),
        "steps": trainer.step,
        "options": asdict(trainer.options),
        "weights": "moving average",
        "losses": trainer.running,
        "core_hours": round(trainer.core_seconds / 3600, 3),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "created": now(),
        "versions": package_versions(),
    }
    histogram = SizeHistogram(tuple(int(size) for size in sizes), tuple(int(count) for count in counts))
    save_model(FlowMolModel(network, histogram, path.name, card), path)
