from __future__ import annotations

import pytest
import torch

from molvm.errors import InteropError
from molvm.interop.complete_graph import complete_graph, flat_parts, graph_of_edges, state_of_flat
from molvm.states import MoleculeState
from tests.models.flowmol.upstream import MODALITIES, TOKEN_CASES, UPSTREAM_CASES, load_case, load_record

SIZES = torch.tensor([4, 1, 6, 2])


def noise() -> MoleculeState:
    return MoleculeState.zeros(SIZES, 5, 6, 5).randn_like(torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", [*UPSTREAM_CASES, *TOKEN_CASES])
def test_atoms_and_edges_come_in_upstreams_order(name: str) -> None:
    batch = load_record(name)["batch"]
    graph = complete_graph(batch["n_atoms"])
    assert torch.equal(graph.atom_molecule, batch["node_batch"])
    assert torch.equal(graph.edge_molecule, batch["edge_batch"])
    assert torch.equal(graph.source, batch["src"])
    assert torch.equal(graph.target, batch["dst"])
    assert torch.equal(graph.upper, batch["upper_edge_mask"])


@pytest.mark.parametrize("name", UPSTREAM_CASES)
def test_upstreams_features_are_read_and_given_back(name: str) -> None:
    case = load_case(name)
    graph = complete_graph(case.record["batch"]["n_atoms"])
    features = case.record["forward"][2]["x_t"]
    parts = {MODALITIES[key]: features[key] for key in "xace"}
    state = state_of_flat(parts, graph)
    expected = case.state(features, state.dtype)
    assert all(torch.equal(part, expected.parts[key]) for key, part in state.parts.items())
    assert all(torch.equal(part, parts[key]) for key, part in flat_parts(state, graph).items())


def test_an_edge_and_its_reverse_are_aligned() -> None:
    graph = complete_graph(SIZES)
    assert torch.equal(graph.source[graph.upper], graph.target[~graph.upper])
    assert torch.equal(graph.target[graph.upper], graph.source[~graph.upper])


def test_states_there_and_back_whatever_the_order_of_the_edges() -> None:
    state, order = noise(), torch.randperm(int((SIZES * (SIZES - 1)).sum()))
    graph = complete_graph(SIZES)
    shuffled = graph_of_edges(SIZES, graph.source[order], graph.target[order])
    back = state_of_flat(flat_parts(state, shuffled), shuffled)
    assert all(torch.equal(part, state.parts[name]) for name, part in back.parts.items())


def test_what_is_not_complete_is_refused() -> None:
    graph = complete_graph(SIZES)
    source, target = graph.source.clone(), graph.target.clone()
    with pytest.raises(InteropError, match="not complete"):
        graph_of_edges(SIZES, source[1:], target[1:])
    source[0], target[0] = source[1], target[1]
    with pytest.raises(InteropError, match="not complete"):
        graph_of_edges(SIZES, source, target)
    source[0], target[0] = 0, len(graph.atom_molecule) - 1
    with pytest.raises(InteropError, match="not complete"):
        graph_of_edges(SIZES, source, target)


def test_bonds_that_depend_on_the_direction_are_refused() -> None:
    graph = complete_graph(SIZES)
    parts = flat_parts(noise(), graph)
    parts["bonds"] = torch.where(graph.upper[:, None], parts["bonds"], 0)
    with pytest.raises(InteropError, match="different bonds"):
        state_of_flat(parts, graph)
