from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from molvm.models.base import NetworkModel
from molvm.models.fine_tuning import FineTuning
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.models.mixture import GaussianMixture
from molvm.models.parameterise import Parameterisation, from_endpoint
from molvm.schedules import CosineSchedule, LinearSchedule
from molvm.sde import SamplingOptions, simulate
from molvm.values.adapted_control import AdaptedControl, AdaptedVelocity
from tests.runs.tiny import TINY, tiny_model

ROUGH = GaussianMixture.of([0.3, 0.7], [[-1.0, 0.0], [1.0, 0.5]], [[[0.4, 0.1], [0.1, 0.3]], [[0.2, 0.0], [0.0, 0.5]]])
POINTS = GaussianMixtureModel((ROUGH,), CosineSchedule())

TWO_LAYERS = tiny_model(config=replace(TINY, molecule_updates=2))
"""FlowMol updates nothing after its first layer, and reads no vectors after its last."""


def images() -> PixelFlowModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PixelFlowModel(PixelNetwork(PixelConfig(size=8, classes=2, widths=(8, 16))), ["0", "1"], "tiny")


def stirred(model: NetworkModel) -> FineTuning:
    """Weights as after some training."""
    tuned, generator = FineTuning(model), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in tuned.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype))
    return tuned


@pytest.mark.parametrize("noise_level", [0.0, 0.5, 1.0])
def test_steering_by_it_is_sampling_the_adapted_model(noise_level: float) -> None:
    tuned = stirred(POINTS)
    law = tuned.network.mixture()  # type: ignore[operator]
    adapted = replace(POINTS, mixtures=(law.select(0),))
    options, ends = SamplingOptions(steps=12, noise_level=noise_level), []
    for kind, model in (
        (AdaptedControl, POINTS),
        (AdaptedVelocity if noise_level == 0 else AdaptedControl, POINTS),
        (None, adapted),
    ):
        generator = torch.Generator().manual_seed(2)
        noise, grid = model.noise(None, 5, generator), options.grid(model.schedules)
        control = None if kind is None else kind(tuned, model.schedules, 3.0)
        path = simulate(
            model, noise, grid, control=control, generator=generator, stepper=options.stepper(model), keep_states=False
        )
        ends.append(path.terminal.parts["x"])
    torch.testing.assert_close(ends[0], ends[2])
    torch.testing.assert_close(ends[1], ends[2])


def test_the_velocity_is_that_of_the_adapted_model_less_that_of_the_base() -> None:
    tuned, t = stirred(POINTS), torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    x = POINTS.noise(None, 3, torch.Generator().manual_seed(3))
    adapted, base = (
        from_endpoint(Parameterisation.VELOCITY, x, endpoint, POINTS.schedules, t)
        for endpoint in (tuned.endpoint(x, t), POINTS.predict_endpoint(x, t))
    )
    torch.testing.assert_close(AdaptedVelocity(tuned, POINTS.schedules, 1.0)(x, t).x, (adapted - base).x)


@pytest.mark.parametrize("model", [POINTS, images(), tiny_model()], ids=["points", "images", "molecules"])
def test_it_is_the_base_to_the_last_bit_before_it_has_learned(model: NetworkModel) -> None:
    generator = torch.Generator().manual_seed(3)
    x, t = model.noise(model.sample_condition(4, generator), 4, generator), torch.tensor([0.1, 0.4, 0.7, 0.99])
    for kind in (AdaptedControl, AdaptedVelocity):
        control = kind(FineTuning(model), model.schedules, 5.0)
        assert not any(bool(part.any()) for part in control(x, t).parts.values())
        assert not any(bool(part.any()) for part in control.gradient(x, t).parts.values())


@pytest.mark.parametrize("model", [images(), TWO_LAYERS], ids=["images", "molecules"])
def test_its_weights_learn_and_those_of_the_base_stay(model: NetworkModel) -> None:
    before = {name: weight.clone() for name, weight in model.network.state_dict().items()}
    tuned, generator = stirred(model), torch.Generator().manual_seed(3)
    x, t = model.noise(model.sample_condition(4, generator), 4, generator), torch.full((4,), 0.6)
    AdaptedControl(tuned, model.schedules, 5.0)(x, t).squared_norm().sum().backward()
    without = [name for name, weight in tuned.named_parameters() if weight.grad is None]
    assert all("updaters.0." in name or "conv_layers.1.node_update" in name for name in without)
    assert all(weight.grad is None for weight in model.network.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in model.network.state_dict().items())
    assert {name.removeprefix("weights.") for name in tuned.state_dict()} == set(before)


def test_its_slope_in_the_state_is_through_both_networks() -> None:
    control = AdaptedControl(stirred(POINTS), POINTS.schedules, 1.0)
    x, t = POINTS.noise(None, 3, torch.Generator().manual_seed(4)), torch.full((3,), 0.5, dtype=torch.float64)
    direction = x.randn_like(torch.Generator().manual_seed(5))
    leaf = x.leaf()
    slope = torch.autograd.grad(control(leaf, t).inner(direction).sum(), leaf.x)[0]
    ahead, behind = (control.gradient(x + direction.scale(step), t).inner(direction) for step in (1e-5, -1e-5))
    torch.testing.assert_close((slope * direction.x).sum(dim=1), (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-8)


def test_in_sixteen_bits_nothing_is_trained() -> None:
    model = images()
    model.network.bfloat16()
    tuned, x = FineTuning(model), model.noise(torch.tensor([0, 1]), 2, torch.Generator().manual_seed(0))
    assert {weight.dtype for weight in tuned.parameters()} == {torch.float32}
    assert not bool(tuned(x, torch.full((2,), 0.9)).x.any())
    assert {weight.dtype for weight in model.network.parameters()} == {torch.bfloat16}


def test_without_a_condition_of_its_own_a_linear_tilt_is_one_shift() -> None:
    """Means moved by λ S c give the optimal control of a linear reward at every time."""
    base = GaussianMixtureModel((GaussianMixture.of([1.0], [[0.5]], [[0.49]]),), LinearSchedule())
    tuned = FineTuning(base)
    with torch.no_grad():
        tuned.network.means.add_(2.0 * 0.49)  # type: ignore[operator, union-attr]
    t = torch.linspace(0.1, 0.9, 5, dtype=torch.float64)
    x = base.noise(None, 5, torch.Generator().manual_seed(6))
    found = AdaptedControl(tuned, base.schedules, 2.0)(x, t).x[:, 0]
    torch.testing.assert_close(found, -2.0 * t * 0.49 / (t**2 * 0.49 + (1 - t) ** 2))
