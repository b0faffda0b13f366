"""Small networks and upstream's recorded cases."""

from __future__ import annotations

import pytest
import torch

from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.network import FlowMolNetwork
from tests.models.flowmol.upstream import UPSTREAM_CASES, UpstreamCase, load_case


@pytest.fixture(params=UPSTREAM_CASES)
def upstream(request: pytest.FixtureRequest) -> UpstreamCase:
    return load_case(request.param)


@pytest.fixture
def small_config() -> FlowMolConfig:
    return FlowMolConfig(
        n_bonds=4,
        hidden_scalars=24,
        hidden_edges=12,
        vector_channels=6,
        cross_products=2,
        rbf_dim=8,
        molecule_updates=3,
        message_gvps=1,
        update_gvps=1,
        position_gvps=1,
        message_norm=20.0,
        time_features=8,
        self_conditioning=True,
    )


@pytest.fixture
def small_network(small_config: FlowMolConfig) -> FlowMolNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return FlowMolNetwork(small_config)
