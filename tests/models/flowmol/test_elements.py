from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.models.flowmol.elements import NEW_LOGIT, for_elements
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.states import MoleculeState
from tests.runs.tiny import TINY

OLD = replace(TINY, self_conditioning=True, molecule_updates=2)
NEW = ("S", "O", "C", "Cl", "N", "H", "F")
PLACES = [NEW.index(element) for element in OLD.elements]


def spread(types: Tensor) -> Tensor:
    """Values of the old classes at the places of the new ones; zero for elements that are new."""
    values = types.new_zeros(*types.shape[:-1], len(NEW))
    values[..., PLACES] = types
    return values


@pytest.mark.parametrize("self_conditioning", [False, True])
def test_what_the_network_knew_it_still_knows(self_conditioning: bool) -> None:
    config = replace(OLD, self_conditioning=self_conditioning)
    network = FlowMolNetwork(config).double()
    weights, wider = for_elements(network.state_dict(), config, NEW)
    other = FlowMolNetwork(wider).double()
    other.load_state_dict(weights)
    x = MoleculeState.zeros(torch.tensor([5, 7]), 5, 6, 4, dtype=torch.float64).randn_like()
    t = torch.tensor([0.3, 0.8], dtype=torch.float64)
    previous = network.predict(x, t) if self_conditioning else None
    spread_previous = (
        None if previous is None else previous.replace({**previous.parts, "types": spread(previous.types)})
    )
    found = other(x.replace({**x.parts, "types": spread(x.types)}), t, spread_previous)
    expected = network(x, t, previous)
    for name in ("positions", "charges", "bonds"):
        torch.testing.assert_close(found.parts[name], expected.parts[name])
    torch.testing.assert_close(found.types[..., PLACES], expected.types)
    unknown = [NEW.index("S"), NEW.index("Cl")]
    assert (found.types[..., unknown] == NEW_LOGIT).all()


def test_there_and_back_is_the_same_network() -> None:
    network = FlowMolNetwork(OLD)
    weights, wider = for_elements(network.state_dict(), OLD, NEW)
    back, config = for_elements(weights, wider, OLD.elements)
    assert config == OLD
    for name, value in network.state_dict().items():
        assert torch.equal(back[name], value), name


def test_elements_it_knows_nothing_of_are_refused() -> None:
    with pytest.raises(ConfigError, match="none of the elements Si, P"):
        for_elements(FlowMolNetwork(OLD).state_dict(), OLD, ("Si", "P"))
