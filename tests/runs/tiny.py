"""A base model of a thousand weights, untrained, for tests of everything around models."""

from __future__ import annotations

from pathlib import Path

import torch

from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.hub import save_model

TINY = FlowMolConfig(
    n_bonds=4,
    hidden_scalars=8,
    hidden_edges=4,
    vector_channels=2,
    cross_products=1,
    rbf_dim=4,
    molecule_updates=1,
    message_gvps=1,
    update_gvps=1,
    position_gvps=1,
)


def tiny_model(seed: int = 0, config: FlowMolConfig = TINY) -> FlowMolModel:
    """Random weights; molecules of 3 to 5 atoms."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = FlowMolNetwork(config)
    return FlowMolModel(network, SizeHistogram((3, 4, 5), (1, 2, 1)), "tiny", {"training": "none"})


def save_tiny(path: Path, seed: int = 0) -> Path:
    """Write it as a model directory."""
    save_model(tiny_model(seed), path)
    return path
