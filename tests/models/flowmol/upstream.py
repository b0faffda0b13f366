"""What upstream FlowMol computed, recorded from its own code with seeded random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.ctmc.network import CtmcNetwork
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.published.checkpoint import Checkpoint
from molvm.models.flowmol.published.ctmc import ctmc_config
from molvm.states import MoleculeState

PARITY = Path(__file__).parents[2] / "parity"
UPSTREAM_CASES = ("v01_tiny", "v01_tiny_odd")
TOKEN_CASES = ("v20_tiny_ctmc", "v31_tiny")
MODALITIES = {"x": "positions", "a": "types", "c": "charges", "e": "bonds"}


Network = TypeVar("Network", bound=FlowMolNetwork)


@dataclass(frozen=True)
class UpstreamCase(Generic[Network]):
    """What upstream's own code computed with seeded random weights."""

    record: dict[str, Any]
    network: Network

    def state(self, features: dict[str, Tensor], dtype: torch.dtype) -> MoleculeState:
        """Upstream's flat graph features as a dense batch."""
        batch = self.record["batch"]
        n_atoms, edge_batch = batch["n_atoms"], batch["edge_batch"]
        state = MoleculeState.zeros(n_atoms, *(features[key].shape[-1] for key in "ace"), dtype=dtype)
        offsets = torch.cumsum(n_atoms, 0) - n_atoms
        slot = torch.cat([torch.arange(n) for n in n_atoms.tolist()])
        for key in "xac":
            state.parts[MODALITIES[key]][batch["node_batch"], slot] = features[key].to(dtype)
        source, target = batch["src"] - offsets[edge_batch], batch["dst"] - offsets[edge_batch]
        bonds = features["e"].to(dtype)
        if len(bonds) != len(edge_batch):
            upper = batch["upper_edge_mask"]
            edge_batch, source, target = edge_batch[upper], source[upper], target[upper]
            state.bonds[edge_batch, target, source] = bonds
        state.bonds[edge_batch, source, target] = bonds
        return state


def largest_difference(first: MoleculeState, second: MoleculeState) -> float:
    """The largest absolute difference over real atoms and pairs."""
    differences = [
        ((part - second.parts[name]) * (first.pair_mask if name == "bonds" else first.mask)[..., None]).abs().max()
        for name, part in first.parts.items()
    ]
    return float(torch.stack(differences).max().detach())


def load_record(name: str) -> dict[str, Any]:
    """A recorded case."""
    record: dict[str, Any] = torch.load(PARITY / f"{name}.pt", weights_only=True)
    return record


def load_case(name: str) -> UpstreamCase[FlowMolNetwork]:
    """A recorded case and our network with its weights."""
    record = load_record(name)
    config, sizes = record["config"], record["config"]["vector_field"]
    exponents = config["interpolant_scheduler"]["cosine_params"]
    network = FlowMolNetwork(
        FlowMolConfig(
            elements=tuple(config["atom_map"]),
            n_charges=record["n_cat"]["c"],
            n_bonds=record["n_cat"]["e"],
            schedule_exponents=tuple(float(exponents[key]) for key in "xace"),
            hidden_scalars=sizes["n_hidden_scalars"],
            hidden_edges=sizes["n_hidden_edge_feats"],
            vector_channels=sizes["n_vec_channels"],
            cross_products=sizes["n_cp_feats"],
            rbf_dim=sizes["rbf_dim"],
            rbf_dmax=sizes["rbf_dmax"],
            molecule_updates=sizes["n_molecule_updates"],
            convs_per_update=sizes["convs_per_update"],
            message_gvps=sizes["n_message_gvps"],
            update_gvps=sizes["n_update_gvps"],
            recycles=sizes["n_recycles"],
            message_norm=sizes["message_norm"],
            separate_updaters=sizes["separate_mol_updaters"],
            update_edges_with_distance=sizes["update_edge_w_distance"],
        )
    )
    network.load_state_dict(recorded_weights(record))
    return UpstreamCase(record, network)


def load_token_case(name: str) -> UpstreamCase[CtmcNetwork]:
    """A recorded case of a model over tokens and our network with its weights."""
    record = load_record(name)
    network = CtmcNetwork(ctmc_config(Checkpoint(Path(name), hyper_parameters(record), {}, averaged=False)))
    network.load_state_dict(recorded_weights(record))
    return UpstreamCase(record, network)


def recorded_weights(record: dict[str, Any]) -> dict[str, Tensor]:
    """The weights of a case by our names."""
    return {
        name.removeprefix("vector_field."): value
        for name, value in record["state_dict"].items()
        if not name.endswith("dummy_param")
    }


def hyper_parameters(record: dict[str, Any]) -> dict[str, Any]:
    """The settings of a case over tokens as upstream's own class records them in a checkpoint."""
    config = record["config"]
    values = {
        **config["mol_fm"],
        "atom_type_map": config["atom_map"],
        "n_atom_charges": record["n_cat"]["c"],
        "vector_field_config": config["vector_field"],
        "interpolant_scheduler_config": config["interpolant_scheduler"],
        "default_n_timesteps": 250,
    }
    return values if "explicit_aromaticity" in values else {**values, "n_bond_types": record["n_cat"]["e"]}
