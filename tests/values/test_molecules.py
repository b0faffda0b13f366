"""V does not change under the symmetries of space and of the atoms' order; its control turns with the molecule."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from molvm.schedules import CosineSchedule, Schedules
from molvm.states import MoleculeState
from molvm.states.molecule import MODALITIES
from molvm.values import ValueNet
from molvm.values.graph import complete_graphs
from molvm.values.molecules import MOST_NEIGHBOURS, MoleculeValueConfig, MoleculeValueFeatures, _bonded

SCHEDULES = Schedules({name: CosineSchedule(nu) for name, nu in zip(MODALITIES, (1.0, 2.0, 2.0, 1.5), strict=True)})
N_ATOMS = (6, 2, 9, 4)
TIMES = (0.15, 0.5, 0.8, 0.99)
K_TYPES, K_CHARGES, K_BONDS = 5, 3, 4


def trained_like(dtype: torch.dtype = torch.float64, seed: int = 0) -> ValueNet:
    """A value net with random weights in every layer, the last included."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        features = MoleculeValueFeatures(
            K_TYPES, K_CHARGES, K_BONDS, SCHEDULES, MoleculeValueConfig(width=24, depth=2, edge_width=12)
        )
        for layer in features.readout.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.5)
    value = ValueNet(features.to(dtype), SCHEDULES, 2.0, conditions=range(1, 12))
    value.baseline.copy_(torch.linspace(-1, 1, 11))
    return value


def draw(dtype: torch.dtype = torch.float64, seed: int = 1) -> tuple[MoleculeState, Tensor]:
    origin = MoleculeState.zeros(torch.tensor(N_ATOMS), K_TYPES, K_CHARGES, K_BONDS, dtype=dtype)
    return origin.randn_like(torch.Generator().manual_seed(seed)), torch.tensor(TIMES, dtype=dtype)


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


@pytest.fixture
def tolerance(dtype: torch.dtype) -> float:
    return 1e-10 if dtype == torch.float64 else 1e-4


def turned(x: MoleculeState, matrix: Tensor) -> MoleculeState:
    return x.replace({**x.parts, "positions": x.positions @ matrix.T.to(x.dtype)})


def permuted(x: MoleculeState, order: Tensor) -> MoleculeState:
    """Atoms of single-size batches in another order."""
    parts = {name: part[:, order] for name, part in x.parts.items()}
    return x.replace({**parts, "bonds": parts["bonds"][:, :, order]})


def assert_close(first: MoleculeState, second: MoleculeState, tolerance: float) -> None:
    for name, part in first.parts.items():
        torch.testing.assert_close(part, second.parts[name], rtol=0, atol=tolerance, msg=lambda text, n=name: n + text)


def rotation(determinant: float) -> Tensor:
    q, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64))
    return q * torch.sign(torch.linalg.det(q)) * determinant


@pytest.mark.parametrize("determinant", [1.0, -1.0], ids=["rotation", "reflection"])
def test_rotations_and_reflections(dtype: torch.dtype, tolerance: float, determinant: float) -> None:
    value, (x, t), matrix = trained_like(dtype), draw(dtype), rotation(determinant)
    other = turned(x, matrix)
    torch.testing.assert_close(value(other, t), value(x, t), rtol=0, atol=tolerance)
    assert_close(value.gradient(other, t), turned(value.gradient(x, t), matrix), tolerance)


def test_translations(dtype: torch.dtype, tolerance: float) -> None:
    """V is a function of distances on all of space, not only where the centre of mass is zero."""
    value, (x, t) = trained_like(dtype), draw(dtype)
    moved = x.replace({**x.parts, "positions": x.positions + torch.tensor([0.7, -2.0, 1.1], dtype=dtype)})
    torch.testing.assert_close(value(moved, t), value(x, t), rtol=0, atol=tolerance)
    assert_close(value.gradient(moved, t), value.gradient(x, t), tolerance)


def test_the_order_of_atoms(dtype: torch.dtype, tolerance: float) -> None:
    value, (x, t) = trained_like(dtype), draw(dtype)
    for index, n in enumerate(N_ATOMS):
        one, at = x.select(torch.tensor([index])), t[index : index + 1]
        order = torch.randperm(n, generator=torch.Generator().manual_seed(3))
        other = permuted(one, order)
        torch.testing.assert_close(value(other, at), value(one, at), rtol=0, atol=tolerance)
        assert_close(value.gradient(other, at), permuted(value.gradient(one, at), order), tolerance)


def test_neither_the_batch_nor_the_padding_matters(dtype: torch.dtype, tolerance: float) -> None:
    value, (x, t) = trained_like(dtype), draw(dtype)
    values, gradient = value(x, t), value.gradient(x, t)
    for index in range(len(N_ATOMS)):
        chosen = torch.tensor([index])
        alone = x.select(chosen)
        for one in (alone, alone.pad(13)):
            torch.testing.assert_close(value(one, t[chosen]), values[chosen], rtol=0, atol=tolerance)
            padded = gradient.select(chosen).pad(one.positions.shape[1])
            assert_close(value.gradient(one, t[chosen]), padded, tolerance)


def test_what_lies_in_the_padding_is_not_seen() -> None:
    value, (x, t) = trained_like(), draw()
    rubbish = x.replace(
        {
            name: torch.where((x.pair_mask if name == "bonds" else x.mask)[..., None], part, 1e3)
            for name, part in x.parts.items()
        }
    )
    assert torch.equal(value(rubbish, t), value(x, t))


def test_the_control_lies_in_the_space(dtype: torch.dtype, tolerance: float) -> None:
    value, (x, t) = trained_like(dtype), draw(dtype)
    gradient = value.gradient(x, t)
    assert gradient.dtype == dtype
    assert float(gradient.positions.sum(dim=1).abs().max()) <= tolerance
    torch.testing.assert_close(gradient.bonds, gradient.bonds.transpose(1, 2), rtol=0, atol=0)
    assert not bool(gradient.bonds[~x.pair_mask].any())
    for name in ("positions", "types", "charges"):
        assert not bool(gradient.parts[name][~x.mask].any())
        assert bool(gradient.parts[name][x.mask].any())
    assert bool(gradient.bonds[x.pair_mask].any())


@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_is_the_directional_derivative(seed: int) -> None:
    value, (x, t) = trained_like(), draw()
    direction = x.randn_like(torch.Generator().manual_seed(20 + seed))
    step = 1e-4

    def along(length: float) -> Tensor:
        with torch.no_grad():
            return value(x + direction.scale(length), t)

    # Fourth order, so that its own error stays well below the tolerance.
    difference = (8 * (along(step) - along(-step)) - (along(2 * step) - along(-2 * step))) / (12 * step)
    torch.testing.assert_close(value.gradient(x, t).inner(direction), difference, rtol=1e-6, atol=1e-9)


def test_a_fresh_network_is_zero_and_does_not_steer(dtype: torch.dtype) -> None:
    x, t = draw(dtype)
    features = MoleculeValueFeatures(K_TYPES, K_CHARGES, K_BONDS, SCHEDULES).to(dtype)
    value = ValueNet(features, SCHEDULES, 2.0, conditions=N_ATOMS)
    assert not bool(features(x, t).any())
    assert not any(bool(part.any()) for part in value.gradient(x, t).parts.values())
    # Yet it can learn at once.
    value(x, t).sum().backward()
    for last in (features.readout.linear, features.readout.mixed[-1]):
        assert last.weight.grad is not None
        assert bool(last.weight.grad.any())


def test_smooth_where_atoms_coincide(dtype: torch.dtype) -> None:
    value, (x, t) = trained_like(dtype), draw(dtype)
    x.positions[:, 1] = x.positions[:, 0]
    together = value.gradient(x, t)
    assert bool(together.is_finite().all())
    everything = x.replace({**x.parts, "positions": torch.zeros_like(x.positions)})
    assert bool(value.gradient(everything, t).is_finite().all())
    # No kink: the gradient just beside is nearly the same.
    x.positions[:, 1, 0] += 1e-6
    assert_close(value.gradient(x, t), together, 1e-3)


@torch.no_grad()
@pytest.mark.parametrize("name", MODALITIES)
def test_every_modality_matters(name: str) -> None:
    value, (x, t) = trained_like(), draw()
    other = x.replace({**x.parts, name: x.randn_like(torch.Generator().manual_seed(9)).parts[name]})
    assert float((value(other, t) - value(x, t)).abs().min()) > 1e-5


@torch.no_grad()
def test_time_and_size_matter() -> None:
    value, (x, t) = trained_like(), draw()
    features = value.features
    assert float((features(x, t * 0.9) - features(x, t)).abs().min()) > 1e-5
    # Two molecules without any feature differ in N alone.
    origin = MoleculeState.zeros(torch.tensor([3, 8]), K_TYPES, K_CHARGES, K_BONDS, dtype=torch.float64)
    small, large = features(origin, torch.full((2,), 0.5, dtype=torch.float64)).tolist()
    assert abs(small - large) > 1e-5


def test_a_single_atom_is_a_molecule() -> None:
    value = trained_like()
    origin = MoleculeState.zeros(torch.tensor([1]), K_TYPES, K_CHARGES, K_BONDS, dtype=torch.float64)
    gradient = value.gradient(origin, torch.tensor([0.5], dtype=torch.float64))
    assert bool(gradient.is_finite().all())
    assert not bool(gradient.positions.any())


def test_gradients_are_reproducible_on_several_threads() -> None:
    """Bitwise resume needs it; torch's sums over repeated indices are large enough here to be split over threads."""
    count = 320
    origin = MoleculeState.zeros(torch.full((count,), 11), K_TYPES, K_CHARGES, K_BONDS)
    x, t = origin.randn_like(torch.Generator().manual_seed(3)), torch.linspace(0.1, 0.9, count)
    value = trained_like(torch.float32)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        controls = [value.gradient(x, t) for _ in range(2)]
        updates = [torch.autograd.grad(value(x, t).square().sum(), list(value.parameters())) for _ in range(2)]
    finally:
        torch.set_num_threads(threads)
    for control, update in zip(controls[1:], updates[1:], strict=True):
        assert all(torch.equal(part, controls[0].parts[name]) for name, part in control.parts.items())
        assert all(torch.equal(now, first) for now, first in zip(update, updates[0], strict=True))


def test_no_atom_has_more_neighbours_than_an_atom_can_have() -> None:
    """In noise every other atom may be one; what is certain is left as it is, and what is less is less both ways."""
    graphs = complete_graphs(torch.tensor([20, 4]))
    apart = torch.rand(graphs.edge_index.shape[1], generator=torch.Generator().manual_seed(0)).double() * 0.2
    pairs = {pair: index for index, pair in enumerate(zip(*graphs.edge_index.tolist(), strict=True))}
    other = torch.tensor([pairs[target, source] for source, target in pairs])
    bonded = _bonded((apart + apart[other]) / 2, graphs)
    torch.testing.assert_close(bonded, bonded[other])
    neighbours = torch.zeros(24, dtype=torch.float64).index_add_(0, graphs.edge_index[1], bonded)
    assert neighbours.max() <= MOST_NEIGHBOURS + 1e-12
    assert neighbours[:20].min() > MOST_NEIGHBOURS - 1
    small = graphs.molecule[graphs.edge_index[0]] == 1
    torch.testing.assert_close(bonded[small], 1 - ((apart + apart[other]) / 2)[small])
