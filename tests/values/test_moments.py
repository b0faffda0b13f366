"""Charges that move along bonds, and the lengths of moments."""

from __future__ import annotations

import pytest
import torch

from molvm.chem.molecule import Molecule
from molvm.models.flowmol.encode import encode_molecules
from molvm.models.hub import load_model
from molvm.states import MoleculeState
from molvm.values.graph import complete_graphs
from molvm.values.moments import MOMENT_SCALE, MOMENT_SOFTENING, BondIncrements, lengths_of_moments


def random_state(n_atoms: tuple[int, ...]) -> MoleculeState:
    origin = MoleculeState.zeros(torch.tensor(n_atoms), 5, 3, 4, dtype=torch.float64)
    return origin.randn_like(torch.Generator().manual_seed(0))


def symmetric_pairs(n_atoms: tuple[int, ...], width: int) -> torch.Tensor:
    graphs = complete_graphs(torch.tensor(n_atoms))
    table = torch.randn(sum(n_atoms), sum(n_atoms), width, generator=torch.Generator().manual_seed(1)).double()
    source, target = graphs.edge_index
    return (table + table.transpose(0, 1))[source, target]


def test_what_moves_along_bonds_adds_up_to_nothing() -> None:
    sizes, generator = (6, 1, 9, 2), torch.Generator().manual_seed(2)
    graphs = complete_graphs(torch.tensor(sizes))
    charges = BondIncrements(7, 5, 3).double()(
        torch.randn(sum(sizes), 7, generator=generator).double(),
        symmetric_pairs(sizes, 5),
        symmetric_pairs(sizes, 1).squeeze(1).sigmoid(),
        graphs,
    )
    assert charges.abs().max() > 0.1
    totals = torch.zeros(len(sizes), 3, dtype=torch.float64).index_add_(0, graphs.molecule, charges)
    torch.testing.assert_close(totals, torch.zeros_like(totals), rtol=0, atol=1e-12)


def test_no_charge_moves_between_atoms_that_are_not_bonded() -> None:
    graphs = complete_graphs(torch.tensor([4]))
    bonded = ((graphs.edge_index == 0).any(dim=0) & (graphs.edge_index == 2).any(dim=0)).double()
    atoms = torch.randn(4, 7, generator=torch.Generator().manual_seed(0)).double()
    charges = BondIncrements(7, 5, 3).double()(atoms, symmetric_pairs((4,), 5), bonded, graphs)
    torch.testing.assert_close(charges[[1, 3]], torch.zeros(2, 3, dtype=torch.float64))
    torch.testing.assert_close(charges[0], -charges[2])
    assert charges[0].abs().min() > 0


def test_charges_are_bounded_whatever_the_features_grow_to() -> None:
    """Unbounded ones once made a control of λ = 1 cost thousands of nats after a round of training."""
    graphs, generator = complete_graphs(torch.tensor([9])), torch.Generator().manual_seed(6)
    atoms, bonded = torch.randn(9, 7, generator=generator).double(), torch.ones(72, dtype=torch.float64)
    increments, channels, neighbours = BondIncrements(7, 5, 3).double(), 3, 8
    for growth in (1.0, 1e6):
        charges = increments(growth * atoms, growth * symmetric_pairs((9,), 5), bonded, graphs)
        assert 0.1 < charges.abs().max() <= neighbours * channels**0.5 * 2 * channels**0.5


def test_the_length_is_that_of_the_dipole_of_these_charges() -> None:
    """Two charges ±q at a distance d, far from the origin: q d."""
    x = random_state((2,))
    charges = torch.tensor([[0.5, 0.0], [-0.5, 0.0]], dtype=torch.float64)
    distance = (x.positions[0, 0] - x.positions[0, 1]).norm()
    length, nothing = lengths_of_moments(x, charges, complete_graphs(x.n_atoms))[0].tolist()
    assert length == pytest.approx(float(torch.sqrt((0.5 * distance / MOMENT_SCALE) ** 2 + MOMENT_SOFTENING)))
    assert nothing == pytest.approx(MOMENT_SOFTENING**0.5)


def test_a_net_charge_does_not_make_the_length_depend_on_the_origin() -> None:
    x, generator = random_state((5, 3)), torch.Generator().manual_seed(3)
    charges, graphs = torch.rand(8, 2, generator=generator).double(), complete_graphs(torch.tensor([5, 3]))
    moved = x.replace({**x.parts, "positions": x.positions + 7.0 * x.mask[:, :, None]})
    torch.testing.assert_close(lengths_of_moments(moved, charges, graphs), lengths_of_moments(x, charges, graphs))


def test_electronegativities_give_water_its_dipole_and_carbon_dioxide_none() -> None:
    """With χ of oxygen 1 and of the others 0, and the same share for every bond."""
    model = load_model("qm9")
    water = Molecule(
        elements=[8, 1, 1],
        positions=[[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]],
        formal_charges=[0, 0, 0],
        bonds=[[0, 1], [0, 2]],
        orders=[1, 1],
    )
    dioxide = Molecule(
        elements=[6, 8, 8],
        positions=[[0.0, 0.0, 0.0], [1.16, 0.0, 0.0], [-1.16, 0.0, 0.0]],
        formal_charges=[0, 0, 0],
        bonds=[[0, 1], [0, 2]],
        orders=[2, 2],
    )
    x = encode_molecules([water, dioxide], model.config).to(dtype=torch.float64)
    graphs = complete_graphs(x.n_atoms)
    increments = BondIncrements(1, 1, 2).double()
    with torch.no_grad():
        for layers in (increments.electronegativity, increments.polarity):
            layers[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))  # normalised already
            layers[0].bias.zero_()
    oxygen = model.config.elements.index("O")
    chi = x.types[graphs.molecule, graphs.slot][:, oxygen : oxygen + 1]
    bonded = 1 - x.bonds[tuple(graphs.pair)][:, 0]
    charges = increments(chi, torch.ones(len(bonded), 1, dtype=torch.float64), bonded, graphs)
    expected = torch.tensor([-2.0, 1.0, 1.0, 2.0, -1.0, -1.0], dtype=torch.float64)[:, None].expand(-1, 2)
    torch.testing.assert_close(charges, expected, rtol=1e-4, atol=0)
    lengths = lengths_of_moments(x, charges, graphs)[:, 0].tolist()
    assert lengths[0] == pytest.approx(2 * 0.59 / MOMENT_SCALE, rel=0.1)
    assert lengths[1] == pytest.approx(MOMENT_SOFTENING**0.5)
