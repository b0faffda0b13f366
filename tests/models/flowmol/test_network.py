"""Symmetries of the network, padding, and the two-pass endpoint."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.states import MoleculeState
from tests.models.flowmol.upstream import largest_difference


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def model(request: pytest.FixtureRequest, small_network: FlowMolNetwork) -> FlowMolModel:
    return FlowMolModel(small_network.to(request.param), SizeHistogram((3, 5, 7), (1, 2, 1)), "small")


def tolerance(model: FlowMolModel) -> float:
    return 1e-10 if next(model.network.parameters()).dtype == torch.float64 else 1e-4


def draw(model: FlowMolModel, seed: int = 0) -> tuple[MoleculeState, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = model.noise(torch.tensor([3, 7, 5]), 3, generator)
    return x, torch.rand(3, generator=generator).to(x.dtype)


def rotation(dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    q, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    return (q * torch.sign(torch.linalg.det(q))).to(dtype)


def turned(x: MoleculeState, matrix: Tensor) -> MoleculeState:
    return x.replace({**x.parts, "positions": x.positions @ matrix.T})


def test_rotations_turn_the_prediction(model: FlowMolModel) -> None:
    x, t = draw(model)
    matrix = rotation(x.dtype)
    expected = turned(model.predict_endpoint(x, t), matrix)
    assert largest_difference(model.predict_endpoint(turned(x, matrix), t), expected) <= tolerance(model)


@torch.no_grad()
def test_translations_change_nothing(model: FlowMolModel) -> None:
    """Of the first pass: the second compares x_t with the first's centred prediction, so it is for centred x_t only."""
    x, t = draw(model)
    moved = x.replace({**x.parts, "positions": x.positions + torch.tensor([1.0, -2.0, 0.5]).to(x.dtype)})
    difference = largest_difference(model.network.predict(moved, t), model.network.predict(x, t))
    assert difference <= tolerance(model)


def test_cross_products_break_reflections_and_only_they_do(small_config: FlowMolConfig) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        plain = FlowMolNetwork(FlowMolConfig.from_dict({**small_config.to_dict(), "cross_products": 0}))
        chiral = FlowMolNetwork(small_config)
    mirror = -torch.eye(3, dtype=torch.float64)
    differences = []
    for network in (plain, chiral):
        model = FlowMolModel(network.double(), SizeHistogram((7,), (1,)), "small")
        x, t = draw(model)
        reflected = model.predict_endpoint(turned(x, mirror), t)
        differences.append(largest_difference(reflected, turned(model.predict_endpoint(x, t), mirror)))
    assert differences[0] <= 1e-10
    assert differences[1] > 1e-4


def test_permuted_atoms_permute_the_prediction(model: FlowMolModel) -> None:
    x, t = draw(model)
    one = x.select(torch.tensor([1]))
    order = torch.randperm(7, generator=torch.Generator().manual_seed(3))

    def permuted(state: MoleculeState) -> MoleculeState:
        parts = {name: part[:, order] for name, part in state.parts.items()}
        return state.replace({**parts, "bonds": parts["bonds"][:, :, order]})

    expected = permuted(model.predict_endpoint(one, t[1:2]))
    assert largest_difference(model.predict_endpoint(permuted(one), t[1:2]), expected) <= tolerance(model)


def test_a_molecule_does_not_see_its_batch_or_its_padding(model: FlowMolModel) -> None:
    x, t = draw(model)
    together = model.predict_endpoint(x, t)
    for index in range(3):
        alone = model.predict_endpoint(x.select(torch.tensor([index])), t[index : index + 1])
        assert largest_difference(alone, together.select(torch.tensor([index]))) <= tolerance(model)


def test_the_endpoint_lies_in_the_state_space(model: FlowMolModel) -> None:
    x, t = draw(model)
    endpoint = model.predict_endpoint(x, t)
    assert largest_difference(endpoint, endpoint.project()) <= tolerance(model)
    for name in ("types", "charges"):
        total = endpoint.parts[name].sum(dim=-1)
        torch.testing.assert_close(total, x.mask.to(total), atol=1e-5, rtol=0)
    assert not bool(endpoint.bonds[~x.pair_mask].any())


def test_self_conditioning_is_two_passes_at_one_point(model: FlowMolModel) -> None:
    x, t = draw(model)
    with torch.no_grad():
        first = model.network.predict(x, t)
        second = model.network.predict(x, t, first)
    endpoint = model.predict_endpoint(x, t)
    assert largest_difference(endpoint, second) <= tolerance(model)
    assert largest_difference(endpoint, first) > 1e-3
    # A function of (x, t) alone: asking elsewhere in between changes nothing.
    model.predict_endpoint(*draw(model, seed=9))
    assert largest_difference(model.predict_endpoint(x, t), endpoint) == 0
