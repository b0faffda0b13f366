"""The laws that hold for every published model of images, on pipelines with few and random weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import diffusers
import pytest
import torch
from torch import Tensor

from molvm.errors import ModelError
from molvm.models.base import FlowModel, made_by
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import DenoiserModel
from molvm.models.images.placement import Placement
from molvm.models.images.unet_pixels import PixelDenoiser
from molvm.models.parameterise import Parameterisation, from_endpoint, to_endpoint
from molvm.runs.memory import peak
from molvm.schedules import LinearSchedule, Schedules
from molvm.sde import SamplingOptions, ddim, euler_maruyama, simulate, uniform_grid
from molvm.states import TensorState
from molvm.values.ladder import build_features
from tests.models.images.tiny_pipelines import pixels, scheduler

Load = Callable[..., DenoiserModel]

DIFFUSION = ["pixels", "pixels_v", "dit", "sd15", "sd2"]
ALL = [*DIFFUSION, "sd3"]
STEPS = 20


def noisy(model: DenoiserModel, count: int = 3) -> tuple[TensorState, Tensor]:
    x = model.noise(None, count, torch.Generator().manual_seed(1)).to(dtype=torch.float64)
    return x, torch.tensor([0.05, 0.4, 0.9], dtype=torch.float64)[:count]


def in_doubles(model: DenoiserModel) -> DenoiserModel:
    model.network.double()
    return model


@pytest.mark.parametrize("family", ALL)
def test_it_is_a_flow_model_of_images(load: Load, family: str) -> None:
    model = load(family)
    assert isinstance(model, FlowModel)
    assert made_by(model) == "images"
    x = model.noise(None, 2, torch.Generator().manual_seed(0))
    images = model.decode(x)
    assert images[0].pixels.shape == ((8, 8, 3) if family.startswith("pixels") else (16, 16, 3))
    assert build_features(model, "A")(x, torch.full((2,), 0.5)).shape == (2,)


@pytest.mark.parametrize("family", ALL)
def test_every_parameterisation_leads_back_to_the_endpoint(load: Load, family: str) -> None:
    model = in_doubles(load(family))
    x, t = noisy(model)
    endpoint = model.predict_endpoint(x, t)
    for kind in Parameterisation:
        if kind is Parameterisation.V_PREDICTION and family == "sd3":
            continue
        back = to_endpoint(kind, x, from_endpoint(kind, x, endpoint, model.schedules, t), model.schedules, t)
        torch.testing.assert_close(back.x, endpoint.x, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("family", DIFFUSION)
def test_the_endpoint_gives_back_what_the_network_said(load: Load, family: str) -> None:
    model = in_doubles(load(family))
    x, t = noisy(model)
    kind = Parameterisation.V_PREDICTION if family in ("pixels_v", "sd2") else Parameterisation.NOISE
    said = from_endpoint(kind, x, model.predict_endpoint(x, t), model.schedules, t)
    with torch.no_grad():
        # t = 0.05, 0.4 and 0.9 are the trained times 949, 599 and 99 of 1000.
        expected = network_of(model, x.x, torch.tensor([949, 599, 99]), x.classes)
    torch.testing.assert_close(said.x, expected, rtol=1e-9, atol=1e-9)


def test_sd3_predicts_minus_the_velocity_of_its_noise_level(load: Load) -> None:
    model = in_doubles(load("sd3"))
    x, t = noisy(model)
    sigma = model.schedules.beta(t)["x"]
    torch.testing.assert_close(sigma, 3 * (1 - t) / (1 + 2 * (1 - t)))
    straight = Schedules({"x": LinearSchedule()})
    velocity = from_endpoint(Parameterisation.VELOCITY, x, model.predict_endpoint(x, t), straight, 1 - sigma)
    with torch.no_grad():
        output = network_of(model, x.x, 1000 * sigma, x.classes)
    torch.testing.assert_close(velocity.x, -output, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("family", DIFFUSION)
def test_unsteered_samples_are_those_of_diffusers_ddim(load: Load, family: str, eta: float) -> None:
    """The published loop, at the published times, with the same noise."""
    model = load(family)
    options = SamplingOptions(steps=STEPS, transition="ddim", noise_level=eta)
    grid = options.grid(model.schedules)
    x = model.noise(None, 3, torch.Generator().manual_seed(1))
    path = simulate(
        model,
        x,
        grid,
        stepper=options.stepper(model),
        generator=torch.Generator().manual_seed(2),
        keep_noise=True,
    )
    theirs = scheduler_of(model)
    theirs.set_timesteps(STEPS)
    assert theirs.timesteps.tolist() == model.denoiser.schedule.step_of(grid[:-1]).tolist()  # type: ignore[attr-defined]
    latents = x.x
    for step, noise in zip(theirs.timesteps, path.noises, strict=True):
        with torch.no_grad():
            output = network_of(model, latents, step.expand(3), x.classes)
        latents = theirs.step(output, step, latents, eta=eta, variance_noise=noise.parts["x"] if eta else None)[0]
    assert error(path.terminal.parts["x"], latents) < 1e-4


def test_the_euler_ode_is_diffusers_flow_match_euler(load: Load) -> None:
    model = load("sd3")
    x = model.noise(None, 3, torch.Generator().manual_seed(1))
    ode = partial(euler_maruyama, noise_level=0.0)
    path = simulate(model, x, uniform_grid(STEPS, 0.0), stepper=ode)
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    theirs.set_timesteps(sigmas=torch.linspace(1, 1 / STEPS, STEPS).tolist())
    latents = x.x
    for step in theirs.timesteps:
        with torch.no_grad():
            output = network_of(model, latents, step.expand(3), x.classes)
        latents = theirs.step(output, step, latents)[0]
    assert error(path.terminal.parts["x"], latents) < 1e-4


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("family", ["pixels", "pixels_v"])
def test_euler_converges_to_the_transition_sampler_at_order_1(load: Load, family: str, level: float) -> None:
    """Halving the steps halves what lies between them, path by path, where both are given the same noise.

    With exact increments an Euler step of the ODE is a step of DDIM, so the textbook's rates are taken.
    """
    model = in_doubles(load(family))
    x, _ = noisy(model)

    def apart(steps: int) -> float:
        ends = [
            simulate(
                model,
                x,
                uniform_grid(steps, 0.0),
                stepper=stepper,
                generator=torch.Generator().manual_seed(3),
                keep_states=False,
            ).terminal.parts["x"]
            for stepper in (
                partial(euler_maruyama, noise_level=level, exact_increments=False),
                partial(ddim, noise_level=level),
            )
        ]
        return error(*ends)

    assert apart(50) / apart(100) == pytest.approx(2, abs=0.3)


def test_guidance_is_part_of_the_base(load: Load) -> None:
    plain, guided = load("dit"), load("dit", guidance_scale=3.0)
    x, t = plain.noise(torch.tensor([1, 7]), 2), torch.tensor([0.3, 0.6])
    null = TensorState(x.x, torch.tensor([1000, 1000]))
    conditional = plain.predict_endpoint(x, t)
    unconditional = to_endpoint(
        Parameterisation.NOISE,
        null,
        TensorState(network_of(plain, x.x, torch.tensor([699, 399]), null.classes), null.classes),
        plain.schedules,
        t,
    )
    expected = unconditional.x + 3.0 * (conditional.x - unconditional.x)
    assert error(guided.predict_endpoint(x, t).x, expected) < 1e-5
    assert [image.prompt for image in plain.decode(x)] == ["Carassius auratus, goldfish", "thing 7"]


@pytest.mark.parametrize("family", ["dit", "sd15", "sd3"])
def test_the_gradient_through_the_endpoint_is_the_derivative(load: Load, family: str) -> None:
    model = in_doubles(load(family, guidance_scale=2.0))
    x, t = noisy(model)
    direction = x.randn_like(torch.Generator().manual_seed(2))

    def energy(state: TensorState, _: Tensor) -> Tensor:
        return state.x.square().flatten(1).mean(dim=1)

    endpoint, gradient = model.differentiate_endpoint(x, t, energy)
    torch.testing.assert_close(endpoint.x, model.predict_endpoint(x, t).x)
    step = 1e-5
    above, below = (model.predict_endpoint(x + direction.scale(sign * step), t) for sign in (1, -1))
    numeric = (energy(above, t) - energy(below, t)) / (2 * step)
    torch.testing.assert_close(gradient.inner(direction), numeric, rtol=1e-4, atol=1e-6)


def test_a_network_in_bfloat16_leaves_the_state_in_float32(load: Load) -> None:
    model, rounded = load("sd15"), load("sd15")
    rounded.network.bfloat16()
    x, t = model.noise(None, 2, torch.Generator().manual_seed(0)), torch.full((2,), 0.7)
    found = rounded.predict_endpoint(x, t).x
    assert found.dtype == torch.float32
    assert 1e-6 < error(found, model.predict_endpoint(x, t).x) < 0.05


def test_what_does_not_fit_is_refused(load: Load) -> None:
    model = load("dit")
    with pytest.raises(ModelError, match="no condition 5"):
        model.noise(torch.tensor([5]), 1)
    with pytest.raises(ModelError, match="needs the condition"):
        model.predict_endpoint(TensorState(torch.zeros(1, 4, 8, 8)), torch.zeros(1))
    with pytest.raises(ModelError, match=r"\(4, 8, 8\)"):
        model.predict_endpoint(TensorState(torch.zeros(1, 4, 9, 8), torch.tensor([1])), torch.zeros(1))


def error(found: Tensor, expected: Tensor) -> float:
    """The largest difference, in units of the spread of what is expected."""
    return float((found - expected).abs().max() / expected.std())


def network_of(model: DenoiserModel, x: Tensor, steps: Tensor, classes: Tensor | None) -> Tensor:
    """The call that the pipelines of diffusers make, without molvm."""
    network, denoiser = model.network, model.denoiser
    kind = type(network).__name__
    if kind == "UNet2DModel":
        return network(x, steps, class_labels=classes).sample
    if kind == "DiTTransformer2DModel":
        return network(x, timestep=steps, class_labels=classes).sample[:, :4]
    assert classes is not None
    texts = denoiser.texts[classes].to(x.dtype)  # type: ignore[attr-defined]
    if kind == "UNet2DConditionModel":
        return network(x, steps, encoder_hidden_states=texts).sample
    pooled = denoiser.pooled[classes].to(x.dtype)  # type: ignore[attr-defined]
    return network(hidden_states=x, timestep=steps, encoder_hidden_states=texts, pooled_projections=pooled).sample


def scheduler_of(model: DenoiserModel) -> diffusers.DDIMScheduler:
    """DDIM with the betas that the model's family is published with, in diffusers' own float32."""
    predictions = {Parameterisation.NOISE: "epsilon", Parameterisation.V_PREDICTION: "v_prediction"}
    latent = type(model.network).__name__ == "UNet2DConditionModel"
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"} if latent else {}
    return scheduler(predictions[model.denoiser.parameterisation], **betas)


def test_pixels_of_a_batch_are_never_there_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding takes the memory of one image, however many there are."""
    with torch.no_grad():
        model = DenoiserModel(PixelDenoiser(pixels().unet, scheduler(), Conditioning(), "tiny", Placement()), "tiny")
        monkeypatch.setattr(model.denoiser, "decode", lambda x: x.repeat(1, 1, 16, 16))
        four, sixteen = (model.noise(None, count) for count in (4, 16))
        assert peak(lambda: model.decode(sixteen)) < 1.1 * peak(lambda: model.decode(four))
        assert [each.pixels.shape for each in model.decode(four)] == [(128, 128, 3)] * 4
