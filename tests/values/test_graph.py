"""Complete graphs, against counting pairs one by one."""

from __future__ import annotations

import pytest
import torch

from molvm.values.graph import CACHED_GRAPHS, CompleteGraphs, complete_graphs


def by_brute_force(n_atoms: list[int]) -> tuple[list[tuple[int, int]], set[tuple[int, ...]]]:
    """(molecule, slot) of every atom in order; (molecule, source slot, target slot, source, target) of every pair."""
    atoms = [(molecule, slot) for molecule, n in enumerate(n_atoms) for slot in range(n)]
    number = {atom: index for index, atom in enumerate(atoms)}
    pairs = {
        (molecule, i, j, number[molecule, i], number[molecule, j])
        for molecule, n in enumerate(n_atoms)
        for i in range(n)
        for j in range(n)
        if i != j
    }
    return atoms, pairs


def assert_right(graphs: CompleteGraphs, n_atoms: list[int]) -> None:
    atoms, pairs = by_brute_force(n_atoms)
    assert list(zip(graphs.molecule.tolist(), graphs.slot.tolist(), strict=True)) == atoms
    columns = torch.cat([graphs.pair, graphs.edge_index]).T.tolist()
    assert len(columns) == len(pairs)
    assert {tuple(column) for column in columns} == pairs


@pytest.mark.parametrize("n_atoms", [[4], [2, 5, 3], [3, 3], [1, 4, 1], [1], [2, 2, 2, 9]], ids=str)
def test_brute_force(n_atoms: list[int]) -> None:
    assert_right(complete_graphs(torch.tensor(n_atoms)), n_atoms)


def test_the_cache_never_confuses_sizes() -> None:
    """More batches than it holds, back and forth, some with the same sizes in another order."""
    batches = [[size, 2, 3] for size in range(2, 2 + CACHED_GRAPHS)] + [[3, 2], [2, 3], [2], [3], [2, 3, 2]]
    for _ in range(2):
        for n_atoms in batches:
            assert_right(complete_graphs(torch.tensor(n_atoms)), n_atoms)
    for n_atoms in reversed(batches):
        assert_right(complete_graphs(torch.tensor(n_atoms, dtype=torch.int32)), n_atoms)


def test_one_graph_for_one_batch_and_device() -> None:
    first = complete_graphs(torch.tensor([3, 4]))
    assert complete_graphs(torch.tensor([3, 4])) is first
    assert first.edge_index.device.type == first.molecule.device.type == "cpu"


def test_a_graph_first_asked_for_in_inference_mode_serves_a_backward_pass() -> None:
    n_atoms = torch.tensor([7, 3, 11])
    with torch.inference_mode():
        complete_graphs(n_atoms)
    graphs = complete_graphs(n_atoms)
    features = torch.ones(len(graphs.molecule), requires_grad=True)
    (features[graphs.edge_index[0]] * features[graphs.edge_index[1]]).sum().backward()
    assert features.grad is not None
    assert features.grad.tolist() == [2.0 * (n - 1) for n in n_atoms.tolist() for _ in range(n)]
