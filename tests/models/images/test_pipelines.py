"""Pipelines in folders, as a user who has downloaded weights has them: found, read, and refused."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch

from molvm.datasets.home import HOME_VARIABLE
from molvm.errors import ConfigError, ModelError, UnknownNameError
from molvm.models.hub import amend_card, load_model
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import DenoiserModel
from molvm.models.images.published import PUBLISHED_IMAGES, image_home, published_path
from tests.models.images.tiny_pipelines import pixels


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No published model, neither here nor in the hub's cache."""
    import huggingface_hub.constants

    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.mark.parametrize("name", sorted(PUBLISHED_IMAGES))
def test_a_model_that_is_not_here_says_how_to_get_it(empty_home: Path, name: str) -> None:
    with pytest.raises(ModelError, match="is not on this machine") as raised:
        load_model(name)
    message = str(raised.value)
    assert f"hf download {PUBLISHED_IMAGES[name].repositories[0]}" in message
    assert f"--local-dir {empty_home / 'home' / 'models' / 'images' / name}" in message


def test_a_published_model_is_found_in_its_own_folder(empty_home: Path, folders: dict[str, Path]) -> None:
    shutil.copytree(folders["dit"], image_home() / "dit")
    model = load_model("dit", conditioning=Conditioning(classes=("goldfish",)))
    assert (model.name, model.conditions) == ("dit", [1])
    assert isinstance(model, DenoiserModel)
    assert len(model.card["sha256"]) == 64


def test_a_published_model_is_found_in_the_cache_of_the_hub(
    empty_home: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = empty_home / "hub" / "models--google--ddpm-cifar10-32"
    shutil.copytree(folders["pixels"], repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert published_path("cifar") == repository / "snapshots" / "abc"


def test_a_flat_folder_of_a_unet_is_read_too(tmp_path: Path) -> None:
    pipeline = pixels()
    pipeline.unet.save_pretrained(tmp_path / "flat")
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path / "flat")
    pipeline.scheduler.save_pretrained(tmp_path / "flat")
    model = load_model(tmp_path / "flat", precision="float32")
    x, t = model.noise(None, 2, torch.Generator().manual_seed(0)), torch.full((2,), 0.5)  # type: ignore[union-attr]
    pipeline.save_pretrained(tmp_path / "whole")
    whole = load_model(tmp_path / "whole", precision="float32")
    assert torch.equal(model.predict_endpoint(x, t).x, whole.predict_endpoint(x, t).x)  # type: ignore[union-attr]


def test_transformers_wishes_for_torchvision_are_not_passed_on(folders: dict[str, Path]) -> None:
    load_model(folders["sd15"], conditioning=Conditioning(prompts=("a cat",)))
    handlers = logging.getLogger("transformers").handlers
    wish, warning = (
        logging.LogRecord("transformers.x", logging.WARNING, "x.py", 1, text, (), None)
        for text in ("`CLIPImageProcessor` requires torchvision (not installed)", "Some weights were not initialised")
    )
    assert handlers
    assert not any(handler.filter(wish) for handler in handlers)
    assert all(handler.filter(warning) for handler in handlers)


def test_what_is_asked_has_to_fit_the_model(folders: dict[str, Path]) -> None:
    for family, asked, message in (
        ("sd15", Conditioning(), "--prompts FILE"),
        ("sd3", Conditioning(classes=("1",)), "draws what a text says"),
        ("dit", Conditioning(prompts=("a cat",)), "takes no prompts"),
        ("dit", Conditioning(classes=("goldfihs",)), "Did you mean 'goldfish'"),
        ("dit", Conditioning(classes=("1000",)), "no class '1000'. Allowed: 0 to 999"),
        ("pixels", Conditioning(prompts=("a cat",)), "takes no prompts"),
        ("pixels_v", Conditioning(guidance_scale=2.0), "no condition to be guided by"),
    ):
        with pytest.raises(ModelError, match=message):
            load_model(folders[family], conditioning=asked)
    with pytest.raises(ModelError, match="takes no prompts"):
        load_model("digits", conditioning=Conditioning(prompts=("7",)))
    with pytest.raises(ConfigError, match="Both prompts and classes"):
        Conditioning(("a",), ("b",))
    with pytest.raises(ConfigError, match="guidance scale is"):
        Conditioning(guidance_scale=0.5)


def test_a_folder_that_was_not_copied_is_named(tmp_path: Path, folders: dict[str, Path]) -> None:
    partly = tmp_path / "partly"
    shutil.copytree(folders["dit"], partly)
    shutil.rmtree(partly / "vae")
    with pytest.raises(ModelError, match=r"partly lacks the folder vae, which its model_index.json names"):
        load_model(partly)


def test_damaged_and_unknown_folders_are_refused(tmp_path: Path, folders: dict[str, Path]) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folders["dit"], broken)
    (broken / "transformer" / "diffusion_pytorch_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"broken cannot be read"):
        load_model(broken)
    (broken / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    with pytest.raises(ModelError, match=r"is a FluxPipeline. Allowed: DDPMPipeline"):
        load_model(broken)
    (broken / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match=r"model_index.json names no class of a pipeline"):
        load_model(broken)
    with pytest.raises(ModelError, match="not compiled"):
        load_model(folders["pixels"], compile=True)
    with pytest.raises(ModelError, match=r"no card.json"):
        amend_card(folders["pixels"], {})
    with pytest.raises(UnknownNameError, match="Did you mean 'sd15'"):
        load_model("sd-15")
