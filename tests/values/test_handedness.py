"""A network with signed volumes knows left from right, and nothing else that it should not know."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from molvm.schedules import LinearSchedule, Schedules
from molvm.states import MoleculeState
from molvm.states.molecule import MODALITIES
from molvm.values.molecules import MoleculeValueConfig, MoleculeValueFeatures

SCHEDULES = Schedules(dict.fromkeys(MODALITIES, LinearSchedule()))
MIRROR = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
TYPES = 5
ARMS = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64) / 3**0.5


def network(volumes: int, seed: int = 0) -> MoleculeValueFeatures:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = MoleculeValueConfig(width=24, depth=2, edge_width=12, volumes=volumes)
        return MoleculeValueFeatures(TYPES, 1, 2, SCHEDULES, config).double()


def shaken(net: MoleculeValueFeatures) -> MoleculeValueFeatures:
    for layer in net.readout.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.5, generator=torch.Generator().manual_seed(1))
    return net


def turned(x: MoleculeState, matrix: Tensor) -> MoleculeState:
    return x.replace({**x.parts, "positions": x.positions @ matrix.T})


def stereocentres(count: int, seed: int) -> tuple[MoleculeState, Tensor]:
    """A centre with four different arms, turned at random, and +1 or −1 for its configuration."""
    generator = torch.Generator().manual_seed(seed)
    origin = MoleculeState.zeros(torch.full((count,), 5), TYPES, 1, 2, dtype=torch.float64)
    configuration = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0).double()
    arms = ARMS.expand(count, 4, 3).clone()
    arms[..., 2] *= configuration[:, None]
    q, _ = torch.linalg.qr(torch.randn(count, 3, 3, generator=generator, dtype=torch.float64))
    q *= torch.linalg.det(q)[:, None, None]
    positions = torch.cat([arms.new_zeros(count, 1, 3), arms], dim=1) @ q.transpose(1, 2)
    positions = positions + 0.1 * torch.randn(count, 5, 3, generator=generator, dtype=torch.float64)
    types = torch.eye(TYPES, dtype=torch.float64).expand(count, TYPES, TYPES)
    return origin.replace({**origin.parts, "positions": positions, "types": types}).project(), configuration


@torch.no_grad()
def test_only_mirror_images_are_told_apart() -> None:
    x, _ = stereocentres(6, 0)
    t = torch.full((6,), 0.7, dtype=torch.float64)
    net = shaken(network(volumes=4))
    value = net(x, t)
    rotation = -MIRROR @ torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2)).double())[0]
    rotation *= torch.linalg.det(rotation)
    torch.testing.assert_close(net(turned(x, rotation), t), value, rtol=0, atol=1e-10)
    order = torch.tensor([3, 0, 4, 1, 2])
    parts = {name: part[:, order] for name, part in x.parts.items()}
    permuted = x.replace({**parts, "bonds": parts["bonds"][:, :, order]})
    torch.testing.assert_close(net(permuted, t), value, rtol=0, atol=1e-10)
    assert float((net(turned(x, MIRROR), t) - value).abs().min()) > 1e-6
    plain = shaken(network(volumes=0))
    torch.testing.assert_close(plain(turned(x, MIRROR), t), plain(x, t), rtol=0, atol=1e-10)


@torch.no_grad()
def test_volumes_change_their_sign_under_reflection_and_lie_between_bounds() -> None:
    x, _ = stereocentres(6, 0)
    t = torch.full((6,), 0.7, dtype=torch.float64)
    net = network(volumes=4)
    assert net.handedness is not None

    def volumes(x: MoleculeState) -> Tensor:
        plain = network(volumes=0).embed(x, t, net.context(net._context(x, t)))  # its atoms are even under reflection
        return net.handedness.volumes(x, plain.graphs, plain.atoms, plain.pairs)

    here, there = volumes(x), volumes(turned(x, MIRROR))
    torch.testing.assert_close(there, -here, rtol=0, atol=1e-10)
    assert float(here.abs().max()) <= 1.0
    flat = turned(x, torch.diag(torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)))
    torch.testing.assert_close(volumes(flat), torch.zeros_like(here), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("volumes", "right"), [(4, (0.95, 1.0)), (0, (0.0, 0.7))], ids=["handed", "plain"])
def test_a_configuration_can_be_learned_with_volumes_alone(volumes: int, right: tuple[float, float]) -> None:
    net = network(volumes)
    x, sign = stereocentres(128, 3)
    t = torch.ones(128, dtype=torch.float64)
    net.observe(x, t)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        (net(x, t) - sign).square().mean().backward()
        optimiser.step()
    fresh, truth = stereocentres(128, 4)
    with torch.no_grad():
        share = float((net(fresh, t).sign() == truth).double().mean())
    assert right[0] <= share <= right[1]
