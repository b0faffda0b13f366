from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.utils import from_rdmol

from molvm.chem.molecule import Molecule
from molvm.errors import InteropError
from molvm.interop.pyg import from_pyg, from_pyg_batch, state_from_pyg, state_to_pyg, to_pyg, to_pyg_batch
from molvm.states import MoleculeState

from .alike import assert_alike


def test_molecules_there_and_back_exactly(
    drug_like: list[Molecule], small: list[Molecule], charged: list[Molecule]
) -> None:
    for molecule in [*drug_like, *small, *charged]:
        assert_alike(from_pyg(to_pyg(molecule, dtype=torch.float64)), molecule)
        assert_alike(from_pyg(to_pyg(molecule)), molecule, within=1e-5)


def test_batches_there_and_back(charged: list[Molecule]) -> None:
    batch = to_pyg_batch(charged, dtype=torch.float64)
    assert batch.num_graphs == len(charged)
    assert batch.ptr.diff().tolist() == [molecule.n_atoms for molecule in charged]
    for back, molecule in zip(from_pyg_batch(batch), charged, strict=True):
        assert_alike(back, molecule)


def test_edges_are_those_that_torch_geometric_makes_of_rdkits_molecule(drug_like: list[Molecule]) -> None:
    for molecule in drug_like[:5]:
        mol, ours = molecule.to_rdkit(), to_pyg(molecule)
        mol.UpdatePropertyCache(strict=False)
        theirs = from_rdmol(mol)
        assert torch.equal(ours.z, theirs.x[:, 0])
        assert torch.equal(ours.edge_index, theirs.edge_index)
        assert ours.is_undirected()
        assert ours.is_coalesced()


def test_atoms_without_bonds() -> None:
    argon = Molecule([18], [[0.0, 1.0, 2.0]], [0], [], [], "argon")  # type: ignore[arg-type]
    assert_alike(from_pyg(to_pyg(argon)), argon)


def test_a_graph_without_charges_and_name_is_neutral(small: list[Molecule]) -> None:
    data = to_pyg(small[0])
    del data.formal_charge, data.name
    back = from_pyg(data)
    assert back.charge == 0
    assert back.id == ""


def broken(data: Data, fault: str) -> Data:
    if fault == "no field":
        del data.z
    elif fault == "one direction":
        data.edge_index, data.edge_attr = data.edge_index[:, 1:], data.edge_attr[1:]
    elif fault == "two orders":
        data.edge_attr[0] = data.edge_attr[0].roll(1)
    elif fault == "a bond twice":
        data.edge_index = torch.cat([data.edge_index, data.edge_index], dim=1)
        data.edge_attr = torch.cat([data.edge_attr, data.edge_attr])
    elif fault == "a loop":
        data.edge_index[1, 0] = data.edge_index[0, 0]
    elif fault == "no orders":
        data.edge_attr = data.edge_attr[:, :1]
    else:
        data.edge_attr = data.edge_attr / 2
    return data


FAULTS = ("no field", "one direction", "two orders", "a bond twice", "a loop", "no orders", "not one-hot")


@pytest.mark.parametrize("fault", FAULTS)
def test_graphs_that_tell_no_molecule_are_refused(small: list[Molecule], fault: str) -> None:
    with pytest.raises(InteropError, match="Allowed"):
        from_pyg(broken(to_pyg(small[3]), fault))


def test_a_batch_is_not_one_molecule(small: list[Molecule]) -> None:
    with pytest.raises(InteropError, match="2 graphs"):
        from_pyg(to_pyg_batch(small[:2]))


def test_no_batch_of_nothing() -> None:
    with pytest.raises(InteropError, match="no molecules"):
        to_pyg_batch([])


def test_states_there_and_back_exactly() -> None:
    state = MoleculeState.zeros(torch.tensor([3, 7, 1]), 5, 6, 5).randn_like()
    batch = state_to_pyg(state)
    assert batch.num_graphs == 3
    back = state_from_pyg(batch)
    assert torch.equal(back.n_atoms, state.n_atoms)
    assert all(torch.equal(part, state.parts[name]) for name, part in back.parts.items())


def test_a_batch_of_molecules_is_no_state(small: list[Molecule]) -> None:
    with pytest.raises(InteropError, match="no types, charges"):
        state_from_pyg(to_pyg_batch(small))
