"""Value functions that read the base model's endpoint: their gradient goes through the base."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from molvm.errors import ConfigError
from molvm.models.differentiate import differentiate
from molvm.models.isotropic import IsotropicGaussianModel, LinearValue
from molvm.objectives import Rollout, ValueMatching, ValueMatchingOptions
from molvm.schedules import CosineSchedule, Schedules
from molvm.sde import SamplingOptions, simulate, time_grid
from molvm.states import MoleculeState, State, TensorState
from molvm.states.molecule import MODALITIES
from molvm.values.base import ValueNet
from molvm.values.ladder import build_features
from tests.runs.tiny import TINY, tiny_model

EXPONENTS = dict(zip(MODALITIES, (1.0, 2.0, 2.0, 1.5), strict=True))
SCHEDULES = Schedules({name: CosineSchedule(nu) for name, nu in EXPONENTS.items()})
DEVIATIONS = dict(zip(MODALITIES, (1.3, 0.4, 0.7, 0.2), strict=True))
SIZES = torch.tensor([2, 3, 5])
ORIGIN = MoleculeState.zeros(SIZES, 4, 3, 3, dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module):
    """f(x̂, t) = −⟨d, x̂⟩."""

    reads = "endpoint"

    def __init__(self, direction: State) -> None:
        super().__init__()
        self.direction = direction
        self.kind = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, x: State, t: Tensor) -> Tensor:
        return -self.direction.inner(x) + 0 * self.kind


def test_on_a_gaussian_base_the_gradient_is_exact() -> None:
    schedules = Schedules({"x": CosineSchedule()})
    origin = TensorState(torch.zeros(1, 6, dtype=torch.float64))
    model = IsotropicGaussianModel(origin, {"x": 0.6}, schedules)
    direction = TensorState(torch.randn(1, 6, generator=generator(), dtype=torch.float64))
    value = ValueNet(Linear(direction.select(torch.zeros(5, dtype=torch.int64))), schedules, 2.0, gated=False).double()
    x = model.noise(None, 5, generator(1))
    for time in (0.25, 0.6, 0.9):
        t = torch.full((5,), time, dtype=torch.float64)
        endpoint, gradient = model.differentiate_endpoint(x, t, value)
        torch.testing.assert_close(endpoint.x, model.predict_endpoint(x, t).x)
        torch.testing.assert_close(gradient.x, LinearValue(model, direction, 2.0).gradient(x, t).x)


def test_steering_through_the_endpoint_reaches_the_tilted_law() -> None:
    """A linear reward moves the mean of a Gaussian base by λs²d, modality by modality, at half of that in nats."""
    model = IsotropicGaussianModel(ORIGIN, DEVIATIONS, SCHEDULES)
    condition = SIZES.repeat_interleave(1500)
    direction = ORIGIN.randn_like(generator()).scale(0.4)
    exact = LinearValue(model, direction, 1.5)
    given = direction.select(torch.arange(3).repeat_interleave(1500))
    value = ValueNet(Linear(given), SCHEDULES, 1.5, conditions=SIZES.tolist(), gated=False).double()
    noise = model.noise(condition, len(condition), generator(1))
    grid = time_grid(SCHEDULES, 100)
    path = simulate(model, noise, grid, control=value, generator=generator(2), keep_states=False)
    reward, variance = exact.reward(path.terminal), 2 * exact.path_cost(condition, len(condition)) / 1.5**2
    for size in SIZES:
        chosen = condition == size
        expected, error = 1.5 * variance[chosen][0], (variance[chosen][0] / chosen.sum()).sqrt()
        assert abs(float(reward[chosen].mean() - expected)) < 3 * float(error) + 0.02 * float(expected)
    torch.testing.assert_close(path.path_cost, exact.path_cost(condition, len(condition)), rtol=0.05, atol=0)


def endpoint_value(precision: torch.dtype) -> ValueNet:
    features = build_features(tiny_model(), "A", generator(), reads="endpoint").to(precision)
    draw = generator(1)
    for parameter in features.readout.parameters():
        nn.init.normal_(parameter, std=0.3, generator=draw)
    return ValueNet(features, tiny_model().schedules, 2.0, conditions=[3, 4, 5]).to(precision)


def test_the_gradient_goes_through_the_whole_base() -> None:
    """Central differences of V(x̂₁(x, t), t), both passes of the network included."""
    value, model = endpoint_value(torch.float64), tiny_model(config=replace(TINY, self_conditioning=True))
    for number, parameter in enumerate(model.network.double().parameters()):
        if not parameter.any():  # layers that start at zero, that of the second pass among them
            nn.init.normal_(parameter, std=0.3, generator=generator(number))
    x = model.noise(torch.tensor([3, 5, 4]), 3, generator(3)).to(dtype=torch.float64)
    t, direction, step = torch.full((3,), 0.5, dtype=torch.float64), x.randn_like(generator(4)), 1e-5
    _, gradient = model.differentiate_endpoint(x, t, value)
    ahead, behind = (value(model.predict_endpoint(x + direction.scale(s), t).project(), t) for s in (step, -step))
    expected = (ahead - behind).detach() / (2 * step)
    torch.testing.assert_close(gradient.inner(direction), expected, rtol=1e-6, atol=1e-8)
    first = model.network.predict(x, t)
    _, through_one = differentiate(lambda x, t: model.network.predict(x, t, first), value, x, t)
    assert bool(((through_one.inner(direction) - expected).abs() > 1e-5).all())  # what one pass alone would give


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_the_control_keeps_to_the_space(precision: torch.dtype) -> None:
    """No drift of the centre of mass, symmetric bonds, nothing in the padding; turned with the molecule."""
    value, model = endpoint_value(precision), tiny_model()
    model.network.to(precision)
    x = model.noise(torch.tensor([3, 5, 4]), 3, generator(3)).to(dtype=precision)
    t = torch.full((3,), 0.5, dtype=precision)
    _, gradient = model.differentiate_endpoint(x, t, value)
    tolerance = 1e-10 if precision == torch.float64 else 1e-4
    for name, part in gradient.project().parts.items():
        torch.testing.assert_close(part, gradient.parts[name], atol=tolerance, rtol=0)
        assert bool(part.any()), name
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator(4), dtype=precision))[0]
    _, turned = model.differentiate_endpoint(x.replace({**x.parts, "positions": x.positions @ turn}), t, value)
    torch.testing.assert_close(turned.positions, gradient.positions @ turn, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(turned.bonds, gradient.bonds, atol=tolerance, rtol=tolerance)


def test_the_control_acts_in_its_window_alone() -> None:
    value, model = endpoint_value(torch.float32), tiny_model()
    start = model.noise(torch.tensor([3, 4, 5, 5]), 4, generator())
    sampling = SamplingOptions(steps=12, steer_from=0.4, steer_until=0.8)
    grid = sampling.grid(model.schedules)
    base, path = (
        simulate(model, start, grid, control=control, generator=generator(), allowance=sampling.allowance(grid))
        for control in (None, value)
    )
    steered = (grid[:-1] >= 0.4) & (grid[:-1] <= 0.8)
    assert bool((path.running_cost[steered] > 0).all())
    assert not bool(path.running_cost[~steered].any())
    first = int(steered.nonzero()[0])
    torch.testing.assert_close(path.states[first].positions, base.states[first].positions, rtol=0, atol=0)
    assert not torch.equal(path.states[first + 1].positions, base.states[first + 1].positions)


def test_value_matching_learns_from_endpoints() -> None:
    model = tiny_model()
    features = build_features(model, "A", generator(), reads="endpoint")
    learner = ValueMatching.build(
        features, model.schedules, 1.0, conditions=[3, 4, 5], options=ValueMatchingOptions(replay=2)
    )
    start = model.noise(torch.tensor([3, 4, 5, 5]), 4, generator())
    grid = time_grid(model.schedules, 6)
    path = simulate(model, start, grid, keep_endpoints=learner.keeps_endpoints, generator=generator())
    assert len(path.endpoints) == 6
    expected = model.predict_endpoint(path.states[3], grid[3].float().expand(4)).project()
    torch.testing.assert_close(path.endpoints[3].types, expected.types)
    batch = Rollout(path, torch.tensor([1.0, 2.0, 0.0, 1.0]), 1.0)
    learner.observe(batch)
    assert torch.isfinite(torch.tensor(learner.backward(batch)["loss"]))
    assert learner.memory is not None
    assert learner.memory.points is not None
    drawn = learner.memory.points.states
    assert isinstance(drawn, MoleculeState)
    torch.testing.assert_close(drawn.types.sum(-1), drawn.mask.float())  # probabilities
    without = simulate(model, start, grid, generator=generator())
    with pytest.raises(ConfigError, match="keep_endpoints"):
        learner.observe(Rollout(without, batch.rewards, 1.0))


def test_points_have_no_network_that_reads_endpoints() -> None:
    origin = TensorState(torch.zeros(1, 2))
    model = IsotropicGaussianModel(origin, {"x": 1.0}, Schedules({"x": CosineSchedule()}))
    with pytest.raises(ConfigError, match="reads states"):
        build_features(model, "A", reads="endpoint")
