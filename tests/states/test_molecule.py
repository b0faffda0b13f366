from __future__ import annotations

import pytest
import torch

from molvm.errors import StateError
from molvm.states import MoleculeState

N_ATOMS = torch.tensor([5, 3, 1, 4])


def zeros(n_atoms: torch.Tensor = N_ATOMS) -> MoleculeState:
    return MoleculeState.zeros(n_atoms, n_types=3, n_charges=2, n_bonds=4, dtype=torch.float64)


def storage(seed: int, n_atoms: torch.Tensor = N_ATOMS) -> MoleculeState:
    """Arbitrary numbers in every slot: not a point of the space."""
    generator = torch.Generator().manual_seed(seed)
    return zeros(n_atoms).map(lambda part: torch.randn(part.shape, generator=generator, dtype=part.dtype))


def in_space(state: MoleculeState) -> bool:
    centre = state.positions.sum(dim=1).abs().max()
    padding = (state.types * ~state.mask[..., None]).abs().max() + (
        state.positions * ~state.mask[..., None]
    ).abs().max()
    asymmetry = (state.bonds - state.bonds.transpose(1, 2)).abs().max()
    forbidden = (state.bonds * ~state.pair_mask[..., None]).abs().max()
    return float(centre + padding + asymmetry + forbidden) < 1e-12


def storage_product(a: MoleculeState, b: MoleculeState) -> torch.Tensor:
    return torch.stack([(part * b.parts[name]).flatten(1).sum(1) for name, part in a.parts.items()]).sum(0)


def test_projection_lands_in_the_space_and_stays() -> None:
    projected = storage(0).project()
    assert in_space(projected)
    for name, part in projected.project().parts.items():
        torch.testing.assert_close(part, projected.parts[name], atol=1e-14, rtol=0)


def test_projection_is_orthogonal() -> None:
    raw, direction = storage(0), zeros().randn_like(torch.Generator().manual_seed(1))
    torch.testing.assert_close(storage_product(raw, direction), storage_product(raw.project(), direction))


def test_noise_lives_in_the_space_with_unit_variance_for_each_degree_of_freedom() -> None:
    n_atoms = torch.tensor([5]).repeat(4000)
    noise = zeros(n_atoms).randn_like(torch.Generator().manual_seed(2))
    assert in_space(noise)
    dimensions = noise.degrees_of_freedom()
    assert {name: int(d[0]) for name, d in dimensions.items()} == {
        "positions": 12,
        "types": 15,
        "charges": 10,
        "bonds": 40,
    }
    for name, squared in noise.inner_by_modality(noise).items():
        d = int(dimensions[name][0])
        assert abs(float(squared.mean()) - d) < 3 * (2 * d / 4000) ** 0.5, name
        assert float(squared.var()) == pytest.approx(2 * d, rel=0.15), name


def test_noise_is_isotropic_in_any_direction() -> None:
    n_atoms = torch.tensor([4]).repeat(8000)
    direction = storage(4, n_atoms[:1]).project()
    many = direction.select(torch.zeros(8000, dtype=torch.int64))
    products = zeros(n_atoms).randn_like(torch.Generator().manual_seed(5)).inner(many)
    assert float(products.var()) == pytest.approx(float(direction.squared_norm()), rel=0.06)


def test_a_pair_of_atoms_counts_once() -> None:
    state = zeros(torch.tensor([3]))
    state.bonds[0, 0, 1, 2] = state.bonds[0, 1, 0, 2] = 2.0
    assert float(state.squared_norm()) == 4.0


def test_riesz_represents_the_derivative_of_the_storage() -> None:
    derivatives = storage(6)
    direction = zeros().randn_like(torch.Generator().manual_seed(7))
    representer = zeros().riesz(derivatives.parts)
    assert in_space(representer)
    torch.testing.assert_close(
        representer.inner(direction), storage_product(derivatives, direction), rtol=1e-12, atol=0
    )


def test_select_trims_and_cat_pads() -> None:
    state = storage(8).project()
    small = state.select(torch.tensor([1, 2]))
    assert small.positions.shape[1] == 3
    joined = MoleculeState.cat([small, state.select(torch.tensor([0, 3]))])
    back = joined.select(torch.tensor([2, 0, 1, 3]))
    assert torch.equal(back.n_atoms, N_ATOMS)
    for name, part in state.parts.items():
        assert torch.equal(back.parts[name], part)


def test_padding_cannot_shrink() -> None:
    with pytest.raises(StateError, match="Cannot pad 5 atom slots down to 2"):
        storage(0).pad(2)


def test_a_single_atom_has_no_position() -> None:
    state = storage(9).project()
    assert float(state.positions[2].abs().max()) == 0.0
    assert int(state.degrees_of_freedom()["positions"][2]) == 0


def test_conversion_moves_the_atom_counts_too() -> None:
    moved = storage(0).to(device="meta", dtype=torch.float32)
    assert moved.n_atoms.device.type == "meta"
    assert moved.bonds.dtype == torch.float32
