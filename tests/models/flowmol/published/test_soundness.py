"""Settings and weights that make no network are refused before any memory is taken."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from molvm.errors import ModelError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.ctmc.config import CtmcConfig
from molvm.models.flowmol.ctmc.network import CtmcNetwork
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.published.checkpoint import Checkpoint, read_checkpoint
from molvm.models.flowmol.published.convert import convert
from molvm.models.flowmol.published.soundness import require_sound
from tests.models.flowmol.upstream import PARITY

SMALL: dict[str, Any] = {"hidden_scalars": 8, "hidden_edges": 8, "vector_channels": 4, "molecule_updates": 2}
CONFIG = FlowMolConfig(**SMALL)
PATH = Path("a.ckpt")


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return FlowMolNetwork(CONFIG).state_dict()


def test_a_network_fits_its_own_settings(weights: dict[str, Tensor]) -> None:
    require_sound(PATH, FlowMolNetwork, CONFIG, weights)
    tokens = CtmcConfig(**SMALL, time_features=8, token_widths=(8, 8, 8), fake_atoms=True, self_conditioning=True)
    require_sound(PATH, CtmcNetwork, tokens, CtmcNetwork(tokens).state_dict())


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden_scalars": 200_000}, "do not fit the settings"),
        ({"hidden_scalars": 10**30}, "hidden_scalars is 1000"),
        ({"hidden_edges": -1}, "hidden_edges is -1"),
        ({"molecule_updates": 10**6}, "they ask for 6000000 perceptrons"),
        ({"convs_per_update": 10**6}, "perceptrons"),
        ({"message_gvps": 10**6}, "perceptrons"),
        ({"update_gvps": 10**9}, "perceptrons"),
        ({"molecule_updates": 0}, "below 1"),
        ({"recycles": 10**9}, "applied 1000000000 times"),
        ({"time_features": 2}, "2 features"),
        ({"rbf_dmax": math.nan}, "rbf_dmax is nan"),
        ({"rbf_dmax": 0.0}, "rbf_dmax is 0.0"),
        ({"message_norm": math.inf}, "message_norm is inf"),
        ({"message_norm": 0.0}, "message_norm is 0.0"),
        ({"schedule_exponents": (1.0, math.nan, 2.0, 1.5)}, "ν of a is nan"),
        ({"elements": ("C", "H", "N", "O", "Xx")}, "'Xx' is no element"),
        ({"elements": ("C", "H", "N", "O", "*")}, r"'\*' is no element"),
        ({"elements": ("C", "H", "N", "O", "C")}, "comes twice"),
    ],
)
def test_what_no_network_has(weights: dict[str, Tensor], change: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        require_sound(PATH, FlowMolNetwork, replace(CONFIG, **change), weights)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_numbers(weights: dict[str, Tensor], number: float) -> None:
    spoilt = weights["edge_embedding.0.weight"].clone()
    spoilt[0, 0] = number
    with pytest.raises(ModelError, match=r"edge_embedding.0.weight holds NaN"):
        require_sound(PATH, FlowMolNetwork, CONFIG, {**weights, "edge_embedding.0.weight": spoilt})


def test_tensors_that_do_not_fit_are_named(weights: dict[str, Tensor]) -> None:
    fewer = {name: value for name, value in weights.items() if name != "edge_embedding.0.weight"}
    for changed, said in (
        (fewer, "edge_embedding.0.weight is missing"),
        ({**weights, "more": torch.zeros(1)}, "more has no place"),
        ({**weights, "edge_embedding.0.weight": torch.zeros(8, 5, dtype=torch.int64)}, "type torch.int64"),
        ({**weights, "edge_embedding.0.weight": torch.zeros(8, 6)}, r"has the shape \(8, 6\), not \(8, 5\)"),
    ):
        with pytest.raises(ModelError, match=said):
            require_sound(PATH, FlowMolNetwork, CONFIG, changed)


@pytest.mark.timeout(120)
def test_converting_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings as a checkpoint has them, one after the other."""
    whole = read_checkpoint(PARITY / "tiny_gaussian" / "checkpoints" / "model.ckpt")
    nothing = {name: torch.full_like(value, math.nan) for name, value in whole.weights.items()}

    def refused(said: str, section: str = "", weights: Any = whole.weights, **changes: Any) -> None:
        settings = {**whole.settings, **changes}
        if section:
            settings = {**whole.settings, section: {**whole.settings[section], **changes}}
        found = Checkpoint(whole.path, settings, weights, averaged=False)
        monkeypatch.setattr("molvm.models.flowmol.published.convert.read_checkpoint", lambda path: found)
        with pytest.raises(ModelError, match=said):
            convert(whole.path)

    refused("do not fit", "vector_field_config", n_hidden_scalars=200_000)
    refused("perceptrons", "vector_field_config", n_molecule_updates=10**6)
    refused("not those of FlowMol", "vector_field_config", n_hidden_scalars=math.inf)
    refused("rbf_dmax is nan", "vector_field_config", rbf_dmax=math.nan)
    refused("'Xx' is no element", atom_type_map=["C", "H", "N", "O", "Xx"])
    refused("comes twice", atom_type_map=["C", "H", "N", "O", "C"])
    refused("not those of FlowMol", prior_config=[], vector_field_config=[])
    refused("holds NaN", weights=nothing)
