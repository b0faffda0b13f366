"""What the recorded settings of every kind of FlowMol have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from molvm.errors import ModelError
from molvm.models.flowmol.published.checkpoint import Checkpoint

MODALITIES: Final = "xace"

KINDS: Final = (
    "endpoint prediction with Gaussian priors and cosine schedules (qm9_gaussian, geom_gaussian); tokens with linear "
    "schedules (qm9_ctmc, geom_ctmc, flowmol3 and its variants fm3_...)"
)
"""What molvm runs, for messages."""


def parameterisation(checkpoint: Checkpoint) -> str:
    """What training called its objective: "endpoint", "ctmc", "dirichlet" or "vector-field"."""
    return str(checkpoint.settings["parameterization"])


def priors(settings: Mapping[str, Any]) -> dict[str, str]:
    """The kind of noise of each modality."""
    return {key: settings["prior_config"][key]["type"] for key in MODALITIES}


def schedule_kinds(settings: Mapping[str, Any]) -> set[str]:
    """The kinds of schedules that the modalities have."""
    return {settings["interpolant_scheduler_config"]["schedule_type"][key] for key in MODALITIES}


def network_sizes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes that every network has, by the names in `FlowMolConfig`.

    Raises:
        KeyError: One is not recorded.
    """
    sizes = settings["vector_field_config"]
    return {
        "elements": tuple(settings["atom_type_map"]),
        "n_charges": int(settings["n_atom_charges"]),
        "hidden_scalars": int(sizes["n_hidden_scalars"]),
        "hidden_edges": int(sizes["n_hidden_edge_feats"]),
        "vector_channels": int(sizes["n_vec_channels"]),
        "cross_products": int(sizes["n_cp_feats"]),
        "rbf_dim": int(sizes["rbf_dim"]),
        "rbf_dmax": float(sizes["rbf_dmax"]),
        "molecule_updates": int(sizes["n_molecule_updates"]),
        "convs_per_update": int(sizes["convs_per_update"]),
        "message_gvps": int(sizes["n_message_gvps"]),
        "update_gvps": int(sizes["n_update_gvps"]),
        "recycles": int(sizes["n_recycles"]),
        "message_norm": message_norm(sizes["message_norm"]),
        "separate_updaters": bool(sizes["separate_mol_updaters"]),
        "update_edges_with_distance": bool(sizes["update_edge_w_distance"]),
    }


def message_norm(recorded: Any) -> float | Literal["mean"]:
    """What summed messages are divided by; "sum" divides by nothing."""
    if recorded == "mean":
        return "mean"
    return 1.0 if recorded == "sum" else float(recorded)


def refuse(path: Path, settings: Mapping[str, Any]) -> ModelError:
    """The error of a model of a kind that molvm does not run."""
    return ModelError(
        f"The model in {path} has the parameterisation {settings['parameterization']!r}, the priors {priors(settings)} "
        f"and the schedules {', '.join(sorted(schedule_kinds(settings)))}.",
        allowed=KINDS,
        remedy="one of those; `molvm models info flowmol:NAME` says where it is to be had",
    )
