from __future__ import annotations

import pytest
import torch

from molvm.errors import ConfigError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.schedules import LinearSchedule
from molvm.sde import simulate, time_grid
from molvm.states import MoleculeState
from molvm.values.control import ControlNet
from molvm.values.ladder import build_control_features
from tests.runs.tiny import tiny_model

POINTS = GaussianMixtureModel((GaussianMixture.of([1.0], [[0.5, 0.0]], [[0.49, 0.3]]),), LinearSchedule())


def molecules(stirred: bool) -> tuple[ControlNet, MoleculeState, torch.Tensor]:
    """A control of tiny molecules in double precision, its last layers drawn anew if it is to move anything."""
    model, generator = tiny_model(), torch.Generator().manual_seed(1)
    net = ControlNet(build_control_features(model, "A", generator), model.schedules, 2.0).double()
    if stirred:
        for layer in (net.features.of_atoms, net.features.of_pairs):
            torch.nn.init.normal_(layer.weight, generator=generator)
    x = model.noise(torch.tensor([3, 5, 4]), 3, generator).to(dtype=torch.float64)
    return net, x, torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)


@pytest.mark.parametrize("model", [POINTS, tiny_model()], ids=["points", "molecules"])
def test_it_is_the_base_to_the_last_bit_before_it_has_learned(model: GaussianMixtureModel) -> None:
    control = ControlNet(build_control_features(model, "A"), model.schedules, 5.0)
    ends = []
    for steering in (None, control):
        generator = torch.Generator().manual_seed(3)
        noise = model.noise(model.sample_condition(4, generator), 4, generator)
        path = simulate(model, noise, time_grid(model.schedules, 5), control=steering, generator=generator)
        ends.append(path)
    assert all(torch.equal(part, ends[1].terminal.parts[name]) for name, part in ends[0].terminal.parts.items())
    assert float(ends[1].path_cost.abs().max()) == 0


@pytest.mark.parametrize("reflected", [False, True])
def test_the_field_turns_with_the_molecule_and_moves_no_centre(reflected: bool) -> None:
    net, x, t = molecules(stirred=True)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64))
    turn = turn * torch.det(turn) * (-1 if reflected else 1)
    field = net.gradient(x, t)
    turned = net.gradient(x.replace({**x.parts, "positions": x.positions @ turn}), t)
    assert float(field.squared_norm().min()) > 0
    torch.testing.assert_close(turned.positions, field.positions @ turn)
    for name in ("types", "charges", "bonds"):
        torch.testing.assert_close(turned.parts[name], field.parts[name])
    torch.testing.assert_close(field.positions.sum(dim=1), torch.zeros(3, 3, dtype=torch.float64))
    torch.testing.assert_close(field.project().bonds, field.bonds)


def test_the_field_follows_the_order_of_the_atoms() -> None:
    net, x, t = molecules(stirred=True)
    x, t = x.select(torch.tensor([1])), t[1:2]
    order = torch.tensor([2, 0, 4, 1, 3])
    moved = MoleculeState(
        x.positions[:, order], x.types[:, order], x.charges[:, order], x.bonds[:, order][:, :, order], x.n_atoms
    )
    field, other = net.gradient(x, t), net.gradient(moved, t)
    torch.testing.assert_close(other.positions, field.positions[:, order])
    torch.testing.assert_close(other.bonds, field.bonds[:, order][:, :, order])


def test_every_weight_learns() -> None:
    net, x, t = molecules(stirred=True)
    net(x, t).squared_norm().sum().backward()
    without = [name for name, weight in net.named_parameters() if weight.grad is None or not bool(weight.grad.any())]
    assert without == []


def test_its_scale_is_that_of_the_value() -> None:
    net, _, _ = molecules(stirred=False)
    net.settle_scale(torch.tensor([1.0, 1.0]))
    assert net.unit == 2.0
    net.settle_scale(torch.tensor([0.0, 6.0]))
    net.settle_scale(torch.tensor([0.0, 100.0]))
    assert net.unit == 6.0


@pytest.mark.parametrize("strength", [0.0, -1.0, float("nan"), float("inf")])
def test_a_useless_strength_is_refused(strength: float) -> None:
    with pytest.raises(ConfigError, match="strength λ"):
        ControlNet(torch.nn.Linear(1, 1), POINTS.schedules, strength)
