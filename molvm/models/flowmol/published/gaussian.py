"""The settings of a published FlowMol that is continuous in every modality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.published.checkpoint import Checkpoint
from molvm.models.flowmol.published.settings import MODALITIES, network_sizes, priors, refuse, schedule_kinds

PARAMETERISATION: Final = "endpoint"
GAUSSIAN: Final = {"x": "centered-normal", "a": "gaussian", "c": "gaussian", "e": "gaussian"}


def gaussian_config(checkpoint: Checkpoint) -> FlowMolConfig:
    """The shape of the network, from the settings that training recorded.

    Raises:
        ModelError: The priors are not Gaussian, or the schedules not cosine.
        KeyError: A setting is missing.
    """
    settings = checkpoint.settings
    if priors(settings) != GAUSSIAN or schedule_kinds(settings) != {"cosine"}:
        raise refuse(checkpoint.path, settings)
    return FlowMolConfig(
        n_bonds=int(settings.get("n_bond_types", 5)),
        schedule_exponents=exponents(settings["interpolant_scheduler_config"]["cosine_params"]),
        **network_sizes(settings),
    )


def exponents(cosine: Mapping[str, float]) -> tuple[float, float, float, float]:
    """ν of positions, types, charges and bonds."""
    x, a, c, e = (float(cosine[key]) for key in MODALITIES)
    return x, a, c, e
