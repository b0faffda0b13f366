"""Pretraining a base model from the command line or Python: shapes, resuming, publishing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molvm.datasets.registry import load_dataset
from molvm.datasets.store import MoleculeDataset
from molvm.errors import ConfigError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.model import FlowMolModel, SizeHistogram
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.hub import load_model, save_model
from molvm.runs.directory import RunDirectory
from molvm.runs.interruption import Interruption
from molvm.runs.manifest import now, package_versions
from molvm.training.checkpoint import load_checkpoint
from molvm.training.pretrain import Pretrainer, PretrainOptions, PretrainProgress, pretrain

MODEL_FOLDER = "model"
"""Of a pretraining's directory: the published model."""


@dataclass(frozen=True)
class Limits:
    """When to stop before the last step.

    Args:
        hours: Of wall time; None for no limit.
    """

    hours: float | None = None

    def __post_init__(self) -> None:
        if self.hours is not None and not self.hours > 0:
            raise ConfigError(f"The time limit is {self.hours} hours.", allowed="a positive number")

    def clock(self) -> Callable[[], bool]:
        """Whether the time is up, counted from now."""
        end = None if self.hours is None else time.monotonic() + 3600 * self.hours
        return lambda: end is not None and time.monotonic() >= end


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


def run_pretraining(
    dataset_name: str,
    out: Path,
    options: PretrainOptions,
    *,
    network: FlowMolConfig | None = None,
    resume: bool = False,
    start: str | None = None,
    limits: Limits | None = None,
    report: Callable[[PretrainProgress], None] | None = None,
) -> tuple[Path | None, int]:
    """Train a base and publish its averaged weights as a model directory when the last step is done.

    Args:
        dataset_name: A built dataset.
        out: The directory of checkpoints and of the published model.
        options: How to train; a resumed pretraining keeps its own.
        network: The shape; `small_network` by default.
        resume: Go on from the newest checkpoint in `out`.
        start: A model, by name or directory, to start warm from.
        limits: When to stop before the last step.
        report: Called after each step.

    Returns:
        The published model, or None when it was stopped before; and the exit code of the signal that stopped it, or 0.

    Raises:
        ConfigError: Both `resume` and `start` are given.
        DatasetError: The dataset is not built.
        OutputExistsError: `out` holds an earlier pretraining, and `resume` is false.
    """
    if resume and start is not None:
        raise ConfigError("Both --resume and --from are given.", allowed="one of them")
    dataset = load_dataset(dataset_name)
    weights: dict[str, Any] | None = None
    if resume:
        metadata = load_checkpoint(out / "checkpoints").metadata
        network, options = FlowMolConfig.from_dict(metadata["config"]), _options(metadata["options"])
    elif start is not None:
        base = load_model(start)
        network, weights = base.config, dict(base.network.state_dict())
    elif network is None:
        network = small_network(dataset)
    directory = RunDirectory(out)
    directory.make()
    time_is_up = (limits or Limits()).clock()
    started = time.monotonic()
    with directory.exclusive(), Interruption() as interruption:
        trainer = pretrain(
            dataset,
            network,
            options,
            out,
            resume=resume,
            weights=weights,
            report=report,
            stop=lambda: interruption.requested or time_is_up(),
        )
        if trainer.step < options.steps:
            return None, interruption.exit_code
        model = out / MODEL_FOLDER
        if not model.exists():
            publish(trainer, model, time.monotonic() - started)
        return model, interruption.exit_code


def publish(trainer: Pretrainer, path: Path, seconds: float) -> None:
    """Write the averaged weights and what is known of their training as a model directory.

    Args:
        trainer: A pretraining.
        path: A directory that does not exist yet.
        seconds: What the last stretch of training took.

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
        "source": dataset.manifest.get("source"),
        "steps": trainer.step,
        "batch_size": trainer.options.batch_size,
        "learning_rate": trainer.options.learning_rate,
        "weights": f"moving average with decay {trainer.options.ema_decay}",
        "losses": trainer.running,
        "hours_of_the_last_session": round(seconds / 3600, 3),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "created": now(),
        "versions": package_versions(),
    }
    histogram = SizeHistogram(tuple(int(size) for size in sizes), tuple(int(count) for count in counts))
    save_model(FlowMolModel(network, histogram, path.name, card), path)


def _options(values: dict[str, Any]) -> PretrainOptions:
    stored: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return PretrainOptions(**stored)
