"""⟨∇V, d⟩ is the directional derivative for every direction d of the space, and only such directions occur."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from molvm.schedules import CosineSchedule, LinearSchedule, Schedules
from molvm.states import MoleculeState, State, TensorState
from molvm.values import ValueNet
from molvm.values.points import PointValue, PointValueConfig

SCHEDULES = Schedules(
    {
        name: CosineSchedule(nu)
        for name, nu in zip(("positions", "types", "charges", "bonds"), (1.0, 2.0, 2.0, 1.5), strict=True)
    }
)


class AnyFunction(nn.Module):
    """A smooth function of all stored numbers, with no symmetry: it treats a bond's two copies differently."""

    def __init__(self, example: State) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        size = sum(part[0].numel() for part in example.parts.values())
        weight = torch.randn(5, size, generator=generator, dtype=torch.float64) / size**0.5
        self.weight = nn.Parameter(weight)

    def forward(self, x: State, t: Tensor) -> Tensor:
        stored = torch.cat([part.flatten(1) for part in x.parts.values()], dim=1)
        return torch.tanh(stored @ self.weight.T + t[:, None]).square().sum(dim=1)


def central_difference(value: ValueNet, x: State, d: State, t: Tensor, h: float = 1e-3) -> Tensor:
    """Fourth order, so that its own error stays below 1e-9."""

    def along(step: float) -> Tensor:
        with torch.no_grad():
            result: Tensor = value(x + d.scale(step), t)
        return result

    return (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)


def molecules() -> MoleculeState:
    n_atoms = torch.tensor([5, 3, 2, 4])
    origin = MoleculeState.zeros(n_atoms, 3, 2, 4, dtype=torch.float64)
    return origin.randn_like(torch.Generator().manual_seed(1))


@pytest.mark.parametrize("seed", range(5))
def test_molecules(seed: int) -> None:
    x, t = molecules(), torch.tensor([0.2, 0.5, 0.8, 0.99], dtype=torch.float64)
    value = ValueNet(AnyFunction(x), SCHEDULES, 3.0, conditions=[2, 3, 4, 5])
    direction = x.randn_like(torch.Generator().manual_seed(10 + seed))
    gradient = value.gradient(x, t)
    expected = central_difference(value, x, direction, t)
    torch.testing.assert_close(gradient.inner(direction), expected, rtol=1e-8, atol=1e-9)


def test_the_gradient_of_a_molecule_lies_in_the_space() -> None:
    x, t = molecules(), torch.full((4,), 0.6, dtype=torch.float64)
    gradient = ValueNet(AnyFunction(x), SCHEDULES, 3.0, conditions=[2, 3, 4, 5]).gradient(x, t)
    for name, part in gradient.project().parts.items():
        torch.testing.assert_close(part, gradient.parts[name], rtol=0, atol=1e-13)
    assert float(gradient.positions.sum(dim=1).abs().max()) < 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_points(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = TensorState(torch.randn(4, 3, generator=generator, dtype=torch.float64))
    network = PointValue(3, PointValueConfig(width=16, octaves=2), seed=seed).double()
    nn.init.normal_(network.layers[-1].weight, generator=generator)
    value = ValueNet(network, Schedules({"x": LinearSchedule()}), 2.0)
    t = torch.tensor([0.1, 0.4, 0.7, 1.0], dtype=torch.float64)
    direction = x.randn_like(generator)
    expected = central_difference(value, x, direction, t)
    torch.testing.assert_close(value.gradient(x, t).inner(direction), expected, rtol=1e-8, atol=1e-9)
