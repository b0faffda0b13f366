"""T7: what must not change when λ is zero, the reward is shifted, or its unit changes."""

from __future__ import annotations

import torch

from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.objectives import Rollout, ValueMatching
from molvm.schedules import LinearSchedule
from molvm.sde import simulate, time_grid
from molvm.states import TensorState
from molvm.values import ValueNet
from molvm.values.points import PointValue, PointValueConfig

BASE = GaussianMixture.of([0.5, 0.5], [[-1.0, 0.0], [1.0, 0.5]], [[0.3, 0.2], [0.2, 0.4]])
MODEL = GaussianMixtureModel((BASE,), LinearSchedule())
GRID = time_grid(MODEL.schedules, 30)
REWARD = QuadraticReward((0.5, -0.3))
SIZE = PointValueConfig(width=16, depth=2)


def sample(control: ValueNet | None) -> TensorState:
    generator = torch.Generator().manual_seed(0)
    start = MODEL.noise(None, 64, generator).to(dtype=torch.float32)
    end = simulate(MODEL, start, GRID, control=control, generator=generator).terminal
    assert isinstance(end, TensorState)
    return end


def trained(strength: float, scale: float, shift: float, iterations: int = 15) -> ValueMatching:
    """Value Matching in double precision for the reward scale · r + shift at the strength λ."""
    objective = ValueMatching.build(PointValue(2, SIZE).double(), MODEL.schedules, strength)
    objective.value.double()
    optimiser = torch.optim.Adam(objective.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(1)
    for _ in range(iterations):
        start = MODEL.noise(None, 64, generator)
        path = simulate(MODEL, start, GRID, control=objective.control, generator=generator)
        rollout = Rollout(path, scale * REWARD(path.terminal.parts["x"]) + shift, strength)
        objective.observe(rollout)
        optimiser.zero_grad()
        objective.backward(rollout)
        optimiser.step()
    return objective


def test_a_fresh_value_net_leaves_the_base_model_bit_for_bit() -> None:
    assert torch.equal(sample(ValueNet(PointValue(2, SIZE), MODEL.schedules, 50.0)).x, sample(None).x)


def test_zero_strength_is_the_base_model_bit_for_bit() -> None:
    """Whatever the network has learned."""
    value = trained(2.0, 1.0, 0.0).value.float()
    assert not torch.equal(sample(value).x, sample(None).x)
    value.strength = 0.0
    assert torch.equal(sample(value).x, sample(None).x)


def test_a_shift_of_the_reward_moves_the_value_and_not_the_control() -> None:
    """V moves by −λ · shift, entirely in V₀; the gradients, hence the samples, stay."""
    plain, shifted = trained(2.0, 1.0, 0.0), trained(2.0, 1.0, 100.0)
    x, t = MODEL.noise(None, 20, torch.Generator().manual_seed(2)), torch.linspace(0.05, 0.95, 20, dtype=torch.float64)
    torch.testing.assert_close(shifted.value(x, t), plain.value(x, t) - 200, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(shifted.value.gradient(x, t).parts["x"], plain.value.gradient(x, t).parts["x"])


def test_the_unit_of_the_reward_does_not_matter() -> None:
    """λ in 1/unit: 4 times the reward at a quarter of the strength is the same problem, targets and all."""
    plain, scaled = trained(2.0, 1.0, 0.0), trained(0.5, 4.0, 0.0)
    for one, other in zip(plain.parameters(), scaled.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(other, one, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(scaled.value.initial_value(), plain.value.initial_value())
