from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molvm.errors import ModelError
from molvm.models.base import FlowModel, made_by
from molvm.models.hub import bundled_models, load_model, save_model
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.models.parameterise import Parameterisation, from_endpoint
from molvm.sde import simulate, time_grid
from molvm.values.ladder import build_features

TINY = PixelConfig(size=8, classes=3, widths=(8, 16))


def a_model() -> PixelFlowModel:
    torch.manual_seed(0)
    return PixelFlowModel(PixelNetwork(TINY).double(), ["a", "b", "c"], "tiny")


def noisy(model: PixelFlowModel) -> tuple[object, torch.Tensor]:
    x = model.noise(torch.tensor([0, 1, 2, 1]), 4, torch.Generator().manual_seed(1)).to(dtype=torch.float64)
    return x, torch.tensor([0.1, 0.4, 0.7, 0.9], dtype=torch.float64)


def test_it_is_a_flow_model_of_images() -> None:
    assert isinstance(a_model(), FlowModel)
    assert made_by(a_model()) == "images"


def test_the_endpoint_gives_back_the_networks_velocity() -> None:
    model = a_model()
    x, t = noisy(model)
    endpoint = model.predict_endpoint(x, t)  # type: ignore[arg-type]
    velocity = from_endpoint(Parameterisation.VELOCITY, x, endpoint, model.schedules, t)  # type: ignore[type-var]
    with torch.no_grad():
        expected = model.network(x.x, t, x.classes)  # type: ignore[attr-defined]
    assert torch.allclose(velocity.x, expected, atol=1e-12)


def test_the_gradient_through_the_endpoint_is_the_derivative() -> None:
    model = a_model()
    x, t = noisy(model)
    direction = x.randn_like(torch.Generator().manual_seed(2))  # type: ignore[attr-defined]

    def energy(state, t):  # type: ignore[no-untyped-def]
        return state.x.square().flatten(1).sum(dim=1)

    _, gradient = model.differentiate_endpoint(x, t, energy)  # type: ignore[arg-type]
    step = 1e-5
    above, below = (model.predict_endpoint(x + direction.scale(sign * step), t) for sign in (1, -1))  # type: ignore[operator]
    numeric = (energy(above, t) - energy(below, t)) / (2 * step)
    assert torch.allclose(gradient.inner(direction), numeric, rtol=1e-5)


def test_samples_become_images_of_their_class() -> None:
    model = a_model()
    noise = model.noise(torch.tensor([2, 0]), 2, torch.Generator().manual_seed(0)).to(dtype=torch.float64)
    images = model.decode(simulate(model, noise, time_grid(model.schedules, 4), keep_states=False).terminal)
    assert [image.prompt for image in images] == ["c", "a"]
    assert images[0].pixels.shape == (8, 8, 1)


def test_it_is_saved_and_loaded_by_its_path(tmp_path: Path) -> None:
    model = PixelFlowModel(PixelNetwork(TINY), ["a", "b", "c"], "tiny", {"dataset": "none"})
    save_model(model, tmp_path / "tiny")
    again = load_model(tmp_path / "tiny")
    assert isinstance(again, PixelFlowModel)
    assert again.labels == model.labels
    x = model.noise(torch.tensor([0, 1]), 2, torch.Generator().manual_seed(0))
    t = torch.tensor([0.3, 0.6])
    assert torch.equal(again.predict_endpoint(x, t).x, model.predict_endpoint(x, t).x)
    with pytest.raises(ModelError, match="not compiled"):
        load_model(tmp_path / "tiny", compile=True)


def test_classes_and_labels_are_checked() -> None:
    with pytest.raises(ModelError, match="no class 3"):
        a_model().noise(torch.tensor([3]), 1)
    with pytest.raises(ModelError, match="labels"):
        PixelFlowModel(PixelNetwork(TINY), ["a"], "tiny")


def test_chosen_classes_alone_are_drawn(tmp_path: Path) -> None:
    save_model(a_model(), tmp_path / "tiny")
    model = load_model(tmp_path / "tiny", conditioning=Conditioning(classes=("c", "0")))
    assert isinstance(model, PixelFlowModel)
    assert list(model.conditions) == [0, 2]
    drawn = model.noise(None, 40, torch.Generator().manual_seed(0)).classes
    assert drawn is not None
    assert set(drawn.tolist()) == {0, 2}
    with pytest.raises(ModelError, match="no class 1") as caught:
        model.noise(torch.tensor([1]), 1)
    assert caught.value.allowed == "0, 2"
    for asked, message in (
        (Conditioning(classes=("3",)), "no class '3'"),
        (Conditioning(guidance_scale=2.0), "knows no image without a class"),
        (Conditioning(prompts=("a cat",)), "takes no prompts"),
    ):
        with pytest.raises(ModelError, match=message):
            load_model(tmp_path / "tiny", conditioning=asked)


def test_a_value_network_fits_its_states() -> None:
    model = PixelFlowModel(PixelNetwork(TINY), ["a", "b", "c"], "tiny")
    x = model.noise(torch.tensor([0, 2]), 2)
    assert build_features(model, "A")(x, torch.full((2,), 0.5)).shape == (2,)


def test_the_bundled_digits_are_small() -> None:
    folder = bundled_models()["digits"]
    model = load_model("digits")
    assert isinstance(model, PixelFlowModel)
    assert model.labels == tuple("0123456789")
    assert (folder / "model.safetensors").stat().st_size < 5e6
    assert model.card["metrics"]["recognised"] > 0.8
