"""Value functions that read the base model's endpoint: their gradient, where that through the base is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from molvm.errors import ConfigError
from molvm.models.isotropic import IsotropicGaussianModel, LinearValue
from molvm.objectives import Rollout, ValueMatching, ValueMatchingOptions
from molvm.schedules import CosineSchedule, Schedules
from molvm.sde import simulate, time_grid
from molvm.states import MoleculeState, State, TensorState
from molvm.states.molecule import MODALITIES
from molvm.values.base import ValueNet
from molvm.values.ladder import build_features
from tests.runs.tiny import tiny_model

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


def test_on_a_gaussian_base_the_control_is_exact() -> None:
    """Points: the measured errors of the endpoint are the posterior variance, and the gradient is ∇V."""
    schedules = Schedules({"x": CosineSchedule()})
    origin = TensorState(torch.zeros(1, 6, dtype=torch.float64))
    model = IsotropicGaussianModel(origin, {"x": 0.6}, schedules)
    direction = TensorState(torch.randn(1, 6, generator=generator(), dtype=torch.float64))
    exact = LinearValue(model, direction, 2.0)
    count = 4000
    value = ValueNet(Linear(direction.select(torch.zeros(count, dtype=torch.int64))), schedules, 2.0, gated=False)
    value.double()
    data = TensorState(0.6 * torch.randn(count, 6, generator=generator(1), dtype=torch.float64))
    for time in (0.25, 0.6, 0.9):  # at a knot, so that nothing is interpolated
        t = torch.full((count,), time, dtype=torch.float64)
        x = data.scale(schedules.alpha(t)) + data.randn_like(generator(2)).scale(schedules.beta(t))
        endpoint = model.predict_endpoint(x, t)
        value.observe_endpoints(endpoint, data, t)
        expected = exact.gradient(x, t)
        torch.testing.assert_close(value.gradient(endpoint, t).x, expected.x, rtol=0.03, atol=0)


def test_classes_are_differentiated_through_their_own_posterior() -> None:
    """When x̂₁ is the softmax of each part alone, J is known: (α/β²)(diag p − ppᵀ), until the limit binds."""
    direction = ORIGIN.randn_like(generator())
    value = ValueNet(Linear(direction), SCHEDULES, 1.5, conditions=SIZES.tolist(), gated=False).double()
    t = torch.full((3,), 0.45, dtype=torch.float64)
    alpha, beta = SCHEDULES.alpha(t), SCHEDULES.beta(t)
    leaf = ORIGIN.randn_like(generator(1)).scale(0.3).leaf()

    def softmax(name: str) -> Tensor:
        sharpness = (alpha[name] / beta[name] ** 2).reshape(-1, *([1] * (leaf.parts[name].ndim - 1)))
        return torch.softmax(sharpness * leaf.parts[name], dim=-1)

    endpoint = leaf.replace({"positions": leaf.positions, **{name: softmax(name) for name in MODALITIES[1:]}}).project()
    gradients = torch.autograd.grad(value(endpoint, t).sum(), list(leaf.parts.values()))
    expected = leaf.riesz(dict(zip(MODALITIES, gradients, strict=True)))
    found = value.gradient(endpoint.detach(), t)
    for name in MODALITIES[1:]:
        torch.testing.assert_close(found.parts[name], expected.parts[name])


def test_each_modality_has_its_own_variance_whatever_the_order_of_the_schedules() -> None:
    backwards = Schedules({name: CosineSchedule(EXPONENTS[name]) for name in reversed(MODALITIES)})
    value = ValueNet(Linear(ORIGIN), backwards, 1.0, conditions=SIZES.tolist()).double()
    t = torch.full((3,), 0.5, dtype=torch.float64)
    ends = ORIGIN.randn_like(generator()).scale({name: torch.tensor(s) for name, s in DEVIATIONS.items()})
    value.observe_endpoints(ORIGIN, ends, t)
    freedom, squared = ends.degrees_of_freedom(), ends.inner_by_modality(ends)
    expected = torch.stack([(squared[name] / freedom[name]).mean() for name in backwards.by_modality])
    torch.testing.assert_close(value.variances(t)[0], expected)
    product = ORIGIN.posterior_covariance(
        ends, {name: torch.full((3,), float(i)) for i, name in enumerate(MODALITIES, 2)}, dict.fromkeys(MODALITIES, t)
    )
    torch.testing.assert_close(product.positions, 0.5 * ends.positions)  # the limit


def test_no_part_is_less_certain_than_the_noise_allows() -> None:
    """A base that cannot make up its mind near t = 1 would be steered without bound: β²/α² is all there can be."""
    direction = ORIGIN.randn_like(generator())
    value = ValueNet(Linear(direction), SCHEDULES, 1.0, conditions=SIZES.tolist(), gated=False).double()
    value.variances.means.fill_(100.0)
    undecided = ORIGIN.replace({**ORIGIN.parts, **{name: ORIGIN.parts[name] + 1 / 3 for name in MODALITIES[1:]}})
    for time in (0.97, 0.999):
        gradient = value.gradient(undecided.project(), torch.full((3,), time, dtype=torch.float64))
        assert bool(gradient.is_finite().all())
        for name, part in gradient.parts.items():
            assert float(part.abs().max()) <= 2.2 * float(direction.parts[name].abs().max()), name


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_the_control_keeps_to_the_space(precision: torch.dtype) -> None:
    """No drift of the centre of mass, symmetric bonds, nothing in the padding; turned with the molecule."""
    features = build_features(tiny_model(), "A", generator(), reads="endpoint").to(precision)
    for parameter in features.readout.parameters():
        nn.init.normal_(parameter, std=0.3)
    value = ValueNet(features, tiny_model().schedules, 2.0, conditions=[3, 4, 5]).to(precision)
    value.variances.means.fill_(0.1)
    x = tiny_model().noise(torch.tensor([3, 5, 4]), 3, generator(3)).to(dtype=precision)
    endpoint = tiny_model().predict_endpoint(x.to(dtype=torch.float32), torch.full((3,), 0.5)).to(dtype=precision)
    t = torch.full((3,), 0.5, dtype=precision)
    gradient = value.gradient(endpoint, t)
    tolerance = 1e-10 if precision == torch.float64 else 1e-4
    for name, part in gradient.project().parts.items():
        torch.testing.assert_close(part, gradient.parts[name], atol=tolerance, rtol=0)
        assert bool(part.any()), name
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator(4), dtype=precision))[0]
    turned = value.gradient(endpoint.replace({**endpoint.parts, "positions": endpoint.positions @ turn}), t)
    torch.testing.assert_close(turned.positions, gradient.positions @ turn, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(turned.bonds, gradient.bonds, atol=tolerance, rtol=tolerance)


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
