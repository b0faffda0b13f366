"""Upstream's recorded cases of models over tokens, and an oracle that knows the answer."""

from __future__ import annotations

import pytest
import torch

from molvm.models.flowmol.ctmc.config import CtmcConfig
from molvm.models.flowmol.ctmc.model import CtmcModel
from molvm.models.flowmol.ctmc.network import CtmcNetwork
from molvm.models.flowmol.ctmc.options import ChainOptions
from molvm.models.flowmol.sizes import SizeHistogram
from tests.models.flowmol.upstream import TOKEN_CASES, UpstreamCase, load_token_case


@pytest.fixture(params=TOKEN_CASES)
def tokens(request: pytest.FixtureRequest) -> UpstreamCase[CtmcNetwork]:
    return load_token_case(request.param)


@pytest.fixture(params=["version2", "version3"])
def model(request: pytest.FixtureRequest) -> CtmcModel:
    """A small model of each kind, of random weights; molecules of 3 to 7 atoms."""
    sizes = {
        "hidden_scalars": 24,
        "hidden_edges": 12,
        "vector_channels": 6,
        "cross_products": 2,
        "rbf_dim": 8,
        "molecule_updates": 3,
        "message_gvps": 2,
        "update_gvps": 1,
    }
    version3 = {
        "n_bonds": 4,
        "time_last": True,
        "time_features": 8,
        "token_widths": (5, 0, 6),
        "fake_atoms": True,
        "self_conditioning": True,
        "message_norm": "mean",
    }
    config = CtmcConfig.from_dict(sizes | (version3 if request.param == "version3" else {}))
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = CtmcNetwork(config)
    return CtmcModel(network, SizeHistogram((3, 5, 7), (1, 2, 1)), "small", ChainOptions(steps=12))
