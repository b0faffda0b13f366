"""Symmetries of the network over tokens, padding, and what it reads."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from molvm.models.flowmol.ctmc.config import CtmcConfig
from molvm.models.flowmol.ctmc.model import CtmcModel
from molvm.models.flowmol.ctmc.network import CtmcNetwork
from molvm.models.flowmol.ctmc.tokens import TOKENS, Places
from molvm.states import MoleculeState
from tests.models.flowmol.upstream import largest_difference

TOLERANCE = 1e-10


@pytest.fixture
def double(model: CtmcModel) -> CtmcModel:
    model.network.double()
    return model


def half_decided(model: CtmcModel, seed: int = 0) -> tuple[MoleculeState, Tensor]:
    """Molecules of 3, 7 and 5 atoms with random tokens, masks among them."""
    generator = torch.Generator().manual_seed(seed)
    x = model.noise(torch.tensor([3, 7, 5]), 3, generator)
    parts = dict(x.parts)
    for name in TOKENS:
        places, classes = Places.of(x, name), x.parts[name].shape[-1]
        drawn = torch.randint(classes, places.molecule.shape, generator=generator)
        parts[name] = places.put(drawn, classes, x.dtype)
    return x.replace(parts), torch.rand(3, generator=generator, dtype=torch.float64).to(x.dtype)


def rotation() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    q, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    return q * torch.sign(torch.linalg.det(q))


def moved(x: MoleculeState, positions: Tensor) -> MoleculeState:
    return x.replace({**x.parts, "positions": positions})


def test_rotations_turn_the_prediction(double: CtmcModel) -> None:
    x, t = half_decided(double)
    matrix = rotation()
    turned = moved(x, x.positions @ matrix.T)
    expected = double.predict_endpoint(x, t, double.first_guess(x))
    found = double.predict_endpoint(turned, t, double.first_guess(turned))
    assert largest_difference(found, moved(expected, expected.positions @ matrix.T)) <= TOLERANCE


def test_translations_change_nothing(double: CtmcModel) -> None:
    """The first guess keeps its centre of mass, so it moves along."""
    x, t = half_decided(double)
    shifted = moved(x, x.positions + torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    expected = double.predict_endpoint(x, t, double.first_guess(x))
    assert largest_difference(double.predict_endpoint(shifted, t, double.first_guess(shifted)), expected) <= TOLERANCE


def test_permuted_atoms_permute_the_prediction(double: CtmcModel) -> None:
    x, t = half_decided(double)
    one = x.select(torch.tensor([1]))
    order = torch.randperm(7, generator=torch.Generator().manual_seed(3))

    def permuted(state: MoleculeState) -> MoleculeState:
        parts = {name: part[:, order] for name, part in state.parts.items()}
        return state.replace({**parts, "bonds": parts["bonds"][:, :, order]})

    expected = permuted(double.predict_endpoint(one, t[1:2], double.first_guess(one)))
    found = double.predict_endpoint(permuted(one), t[1:2], double.first_guess(permuted(one)))
    assert largest_difference(found, expected) <= TOLERANCE


def test_a_molecule_does_not_see_its_batch_or_its_padding(double: CtmcModel) -> None:
    x, t = half_decided(double)
    together = double.predict_endpoint(x, t, double.first_guess(x))
    for index in range(3):
        alone = x.select(torch.tensor([index]))
        found = double.predict_endpoint(alone, t[index : index + 1], double.first_guess(alone))
        assert largest_difference(found, together.select(torch.tensor([index]))) <= TOLERANCE


def test_the_prediction_has_no_mask(model: CtmcModel) -> None:
    x, t = half_decided(model)
    endpoint = model.predict_endpoint(x, t, model.first_guess(x))
    for name, classes in zip(TOKENS, model.config.n_tokens, strict=True):
        assert x.parts[name].shape[-1] == classes
        assert endpoint.parts[name].shape[-1] == classes - 1


def test_what_is_masked_is_read(model: CtmcModel) -> None:
    """Another token anywhere changes what is predicted elsewhere."""
    x, t = half_decided(model)
    before = model.predict_endpoint(x, t, model.first_guess(x))
    for name in TOKENS:
        places, classes = Places.of(x, name), x.parts[name].shape[-1]
        tokens = places.take(x.parts[name]).argmax(dim=-1)
        tokens[0] = (tokens[0] + 1) % classes
        other = x.replace({**x.parts, name: places.put(tokens, classes, x.dtype)})
        assert largest_difference(model.predict_endpoint(other, t, model.first_guess(other)), before) > 1e-6


def test_a_table_and_the_same_map_of_one_hot_vectors_are_one(model: CtmcModel) -> None:
    network = model.network
    tokens = functional.one_hot(torch.tensor([[0, 2, 4]]), network.config.n_tokens[2]).float()
    read = network._read("e", tokens)
    if "e" in network.token_embeddings:
        assert torch.equal(read[0, 1], network.token_embeddings.get_parameter("e.weight")[2])
    else:
        assert read is tokens


def test_the_released_sizes() -> None:
    """Parameters and tensors of the released configurations."""
    geom = ("C", "H", "N", "O", "F", "P", "S", "Cl", "Br", "I")
    released = {
        6_754_432: CtmcConfig(),
        4_289_179: CtmcConfig(elements=geom, molecule_updates=5, rbf_dmax=12.0),
        5_854_185: CtmcConfig(
            elements=geom,
            n_bonds=4,
            vector_channels=32,
            molecule_updates=6,
            rbf_dmax=10.0,
            message_norm=1.0,
            time_last=True,
            time_features=64,
            token_widths=(64, 64, 64),
            fake_atoms=True,
            self_conditioning=True,
        ),
    }
    for expected, config in released.items():
        with torch.device("meta"):
            network = CtmcNetwork(config)
        assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_the_mean_of_messages_divides_by_the_other_atoms(model: CtmcModel) -> None:
    """For one size, "mean" is a division by n − 1."""
    config = CtmcConfig.from_dict({**model.config.to_dict(), "message_norm": 4.0})
    mean = CtmcConfig.from_dict({**model.config.to_dict(), "message_norm": "mean"})
    with torch.random.fork_rng():
        first = CtmcNetwork(config).double()
        second = CtmcNetwork(mean).double()
    second.load_state_dict(first.state_dict())
    model.network.double()
    x = model.noise(torch.tensor([5, 5]), 2, torch.Generator().manual_seed(0))
    t = torch.full((2,), 0.4, dtype=torch.float64)
    assert largest_difference(first(x, t), second(x, t)) <= TOLERANCE
