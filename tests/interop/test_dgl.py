"""Real DGL graphs: run by `make test-dgl`, in an environment that has DGL."""

from __future__ import annotations

import warnings

import pytest
import torch

from molvm.chem.molecule import Molecule
from molvm.errors import InteropError
from molvm.interop.dgl import from_dgl, import_dgl, molecules_from_dgl, molecules_to_dgl, to_dgl
from molvm.models.flowmol.config import FlowMolConfig
from molvm.states import MoleculeState
from tests.models.flowmol.upstream import MODALITIES, TOKEN_CASES, UPSTREAM_CASES, load_case, load_record

from .alike import assert_alike

pytestmark = pytest.mark.dgl

GEOM = FlowMolConfig(elements=("C", "H", "N", "O", "F", "P", "S", "Cl", "Br", "I"))


def noise(*sizes: int) -> MoleculeState:
    return MoleculeState.zeros(torch.tensor(sizes), 5, 6, 5).randn_like()


def assert_same_states(first: MoleculeState, second: MoleculeState) -> None:
    assert torch.equal(first.n_atoms, second.n_atoms)
    assert all(torch.equal(part, second.parts[name]) for name, part in first.parts.items())


def test_molecules_there_and_back(drug_like: list[Molecule], charged: list[Molecule]) -> None:
    molecules = [*drug_like, *charged]
    back = molecules_from_dgl(molecules_to_dgl(molecules, GEOM), GEOM)
    for number, (given, made) in enumerate(zip(molecules, back, strict=True)):
        assert_alike(made, centred(given, str(number)), within=1e-5)


def centred(molecule: Molecule, name: str) -> Molecule:
    positions = molecule.positions - molecule.positions.mean(axis=0)
    return Molecule(molecule.elements, positions, molecule.formal_charges, molecule.bonds, molecule.orders, name)


@pytest.mark.parametrize("moment", ["1_true", "1", "0", "t"])
def test_states_there_and_back_exactly(moment: str) -> None:
    state = noise(5, 1, 9)
    graph = to_dgl(state, moment)  # type: ignore[arg-type]
    assert set(graph.ndata) == {f"{letter}_{moment}" for letter in "xac"}
    assert set(graph.edata) == {f"e_{moment}", "ue_mask"}
    assert_same_states(from_dgl(graph, moment), state)  # type: ignore[arg-type]


def test_unbatching_gives_the_graphs_of_single_molecules_and_batching_joins_them() -> None:
    dgl, state = import_dgl(), noise(4, 7, 2)
    graphs = dgl.unbatch(to_dgl(state))
    for index, graph in enumerate(graphs):
        one = state.select(slice(index, index + 1))
        assert_same_states(from_dgl(graph), one)
        assert torch.equal(torch.stack(graph.edges()), torch.stack(to_dgl(one).edges()))
    assert_same_states(from_dgl(dgl.batch(graphs)), state)


@pytest.mark.parametrize("name", [*UPSTREAM_CASES, *TOKEN_CASES])
def test_graphs_are_laid_out_as_upstreams(name: str) -> None:
    batch = load_record(name)["batch"]
    graph = to_dgl(noise(*batch["n_atoms"].tolist()))
    source, target = graph.edges(order="eid")
    assert torch.equal(source, batch["src"])
    assert torch.equal(target, batch["dst"])
    assert torch.equal(graph.edata["ue_mask"], batch["upper_edge_mask"])
    assert torch.equal(graph.batch_num_nodes(), batch["n_atoms"])
    assert torch.equal(graph.batch_num_edges(), batch["edge_batch"].bincount())


@pytest.mark.parametrize("name", UPSTREAM_CASES)
def test_upstreams_features_are_read(name: str) -> None:
    dgl, case = import_dgl(), load_case(name)
    batch, features = case.record["batch"], case.record["forward"][2]["x_t"]
    graph = dgl.graph((batch["src"], batch["dst"]))
    graph.set_batch_num_nodes(batch["n_atoms"])
    graph.set_batch_num_edges(batch["edge_batch"].bincount())
    for letter in MODALITIES:
        (graph.edata if letter == "e" else graph.ndata)[f"{letter}_t"] = features[letter]
    assert_same_states(from_dgl(graph, "t"), case.state(features, features["x"].dtype))


def test_messages_pass() -> None:
    """The sum over incoming edges of x_source − x_target is −N x_target where the centre of mass is zero."""
    dgl, state = import_dgl(), noise(6, 3)
    graph = to_dgl(state)
    graph.apply_edges(dgl.function.u_sub_v("x_1_true", "x_1_true", "gap"))
    graph.update_all(dgl.function.copy_e("gap", "gap"), dgl.function.sum("gap", "total"))
    sizes = graph.batch_num_nodes().repeat_interleave(graph.batch_num_nodes())
    torch.testing.assert_close(graph.ndata["total"], -sizes[:, None] * graph.ndata["x_1_true"])


def test_centres_of_mass_are_read_out() -> None:
    means = import_dgl().readout_nodes(to_dgl(noise(6, 3)), "x_1_true", op="mean")
    torch.testing.assert_close(means, torch.zeros(2, 3))


def test_gradients_go_through() -> None:
    positions = noise(5).positions.requires_grad_()
    state = noise(5)
    state = state.replace({**state.parts, "positions": positions})
    from_dgl(to_dgl(state)).positions.square().sum().backward()
    torch.testing.assert_close(positions.grad, 2 * positions.detach())


def test_what_is_no_graph_of_upstreams_is_refused() -> None:
    dgl, graph = import_dgl(), to_dgl(noise(4))
    with pytest.raises(InteropError, match=r"no feature 'x_t'.*x_1_true"):
        from_dgl(graph, "t")
    with pytest.raises(InteropError, match="not complete"):
        from_dgl(dgl.remove_edges(graph, [0]))
    with pytest.raises(InteropError, match="classes"):
        molecules_from_dgl(graph, GEOM)


def test_importing_it_again_is_quiet_and_gives_the_same() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert import_dgl() is import_dgl()
