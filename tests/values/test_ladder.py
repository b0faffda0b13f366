"""The sizes of value networks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from molvm.errors import ConfigError, UnknownNameError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.isotropic import IsotropicGaussianModel
from molvm.models.mixture import GaussianMixture
from molvm.schedules import CosineSchedule, LinearSchedule, Schedules
from molvm.states import MoleculeState, TensorState
from molvm.states.molecule import MODALITIES
from molvm.values.ladder import MOLECULE_SIZES, POINT_WIDTHS, VALUE_SIZES, build_features
from molvm.values.molecules import MoleculeValueFeatures
from molvm.values.points import PointValue

QM9 = FlowMolConfig(n_bonds=4)


def molecule_model() -> IsotropicGaussianModel[MoleculeState]:
    """States of the widths that QM9 has."""
    origin = MoleculeState.zeros(torch.tensor([3, 5]), QM9.n_types, QM9.n_charges, QM9.n_bonds)
    schedules = Schedules({name: CosineSchedule() for name in MODALITIES})
    return IsotropicGaussianModel(origin, dict.fromkeys(MODALITIES, 1.0), schedules)


def point_model(dimension: int = 3) -> GaussianMixtureModel:
    law = GaussianMixture.of([1.0], [[0.0] * dimension], [[1.0] * dimension])
    return GaussianMixtureModel((law,), LinearSchedule())


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_every_size_is_there() -> None:
    assert VALUE_SIZES == tuple("ABCDEF") == tuple(MOLECULE_SIZES) == tuple(POINT_WIDTHS)


def test_molecule_networks_grow() -> None:
    counts = {size: parameters(build_features(molecule_model(), size)) for size in VALUE_SIZES}
    assert list(counts.values()) == sorted(set(counts.values()))
    assert counts["A"] == pytest.approx(1e5, rel=0.2)
    # The paper's value network has 2.5 million.
    assert counts["E"] == pytest.approx(2.5e6, rel=0.2)


def test_point_networks_grow() -> None:
    counts = [parameters(build_features(point_model(), size)) for size in VALUE_SIZES]
    assert counts == sorted(set(counts))


def test_the_family_fits_the_states() -> None:
    assert isinstance(build_features(molecule_model(), "A"), MoleculeValueFeatures)
    assert isinstance(build_features(point_model(), "A"), PointValue)


@pytest.mark.parametrize("model", [molecule_model(), point_model()], ids=["molecules", "points"])
def test_the_seed_decides_and_the_global_stream_is_left_alone(model) -> None:
    def weights(seed: int) -> list[Tensor]:
        return list(build_features(model, "A", torch.Generator().manual_seed(seed)).state_dict().values())

    before = torch.get_rng_state()
    first, again, other = weights(1), weights(1), weights(2)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("model", [molecule_model(), point_model()], ids=["molecules", "points"])
@pytest.mark.parametrize("size", ["A", "C"])
def test_fresh_networks_are_zero(model, size: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x = model.noise(model.sample_condition(4, generator), 4, generator).to(dtype=torch.float32)
    value = build_features(model, size)(x, torch.linspace(0.1, 1, 4))
    assert value.shape == (4,)
    assert not bool(value.any())


def test_unknown_sizes_and_unknown_states() -> None:
    with pytest.raises(UnknownNameError, match="value network size named 'G'"):
        build_features(point_model(), "G")

    strings = IsotropicGaussianModel(
        TensorState(torch.zeros(1, 3, 4)), {"x": 1.0}, Schedules({"x": LinearSchedule()}), name="strings"
    )
    with pytest.raises(ConfigError, match="'strings'"):
        build_features(strings, "A")


def test_only_networks_for_molecules_know_left_from_right() -> None:
    plain, handed = (build_features(molecule_model(), "A", handed=handed) for handed in (False, True))
    assert parameters(plain) < parameters(handed) < 1.5 * parameters(plain)
    with pytest.raises(ConfigError, match=r"value\.handed"):
        build_features(point_model(), "A", handed=True)
