"""What an algorithm trains that steers by a vector field: a network of its own, or the base's weights in a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from torch import nn

from molvm.models.adaptation import Adaptation
from molvm.models.base import FlowModel
from molvm.models.fine_tuning import FineTuning
from molvm.models.images.denoiser import DenoiserModel
from molvm.models.images.low_rank import LowRankAdapter
from molvm.objectives import Objective
from molvm.runs.objective_sections import DriftSection
from molvm.values.control import ControlNet


def trained_by(section: DriftSection, model: FlowModel, residual: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network that the run's control is made of, fresh: the samples are then those of the base.

    Args:
        section: The settings of the algorithm.
        model: The base model.
        residual: Makes a network of its own.
        seed: Of initial weights.

    Raises:
        ConfigError: The model has nothing that could be trained so.
        MissingDependencyError: It takes a package that is not installed.
    """
    if section.trains == "residual":
        return residual()
    full = section.trains == "full"
    adapted: Adaptation = FineTuning.of(model) if full else LowRankAdapter(model, section.lora_rank, seed=seed)
    if isinstance(model, DenoiserModel):
        placement = model.denoiser.placement
        # Each prediction takes both, and a gradient through one may come when the other has been asked.
        placement.keep_together(model.network, adapted.reference, adapted.network)
        # An optimiser keeps what it remembers where the weights lie, and is restored before anything is computed.
        placement.ready(adapted.network)
    return adapted


def publish_adapter(objective: Objective, folder: Path) -> None:
    """Write what was trained as a folder that diffusers loads, if it is a low-rank adapter, and replace an older one.

    Raises:
        OutputExistsError: It cannot be written.
    """
    control = objective.control
    if isinstance(control, ControlNet) and isinstance(control.features, LowRankAdapter):
        shutil.rmtree(folder, ignore_errors=True)
        control.features.save(folder)
