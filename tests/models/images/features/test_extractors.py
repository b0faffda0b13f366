"""Networks that describe images, with random weights in the layouts of the published ones."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from molvm.errors import MissingDependencyError, ModelError
from molvm.images.image import Image
from molvm.models.images.features.clip_tower import ClipExtractor
from molvm.models.images.features.dreamsim import BRANCHES, DreamSimExtractor, _files
from molvm.models.images.features.inception import InceptionExtractor
from molvm.models.images.features.inception_network import AVERAGE, InceptionNetwork, Mixed
from tests.models.images.judges import tiny_judges as tiny

IMAGES = [Image.from_pil(tiny.picture(seed), str(seed)) for seed in range(3)]


def test_clip_describes_by_its_embedding(tmp_path: Path) -> None:
    model = tiny.clip(tmp_path / "clip")
    (tmp_path / "clip" / "tokenizer_config.json").unlink()  # texts are not read
    found = ClipExtractor(tmp_path / "clip")(IMAGES)
    levels = torch.tensor(IMAGES[1].pixels.copy()).permute(2, 0, 1)[None] / 255
    mean, deviation = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
    pixels = (levels - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]
    expected = model.get_image_features(pixel_values=pixels).pooler_output.detach()[0]
    assert np.allclose(found[1], expected / expected.norm(), atol=1e-5)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)


def test_clip_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="CLIP cannot be read"):
        ClipExtractor(tmp_path)


@pytest.fixture(scope="module")
def inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = InceptionNetwork()
    weights = network.state_dict() | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save({name: each for name, each in weights.items() if "num_batches" not in name}, path)
    return path


def test_inception_has_the_published_size() -> None:
    """21 785 568 weights without classes: Keras counts 21 802 784 with means and variances, and no scales."""
    network = InceptionNetwork()
    channels = sum(each.num_features for each in network.modules() if isinstance(each, nn.BatchNorm2d))
    count = sum(each.numel() for each in network.parameters())
    assert (count, count - channels + 2 * channels) == (21_785_568, 21_802_784)


def test_inception_describes_images_of_any_size(inception: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.models.images.features.inception.SIZE", 96)  # a tenth of the time
    extractor = InceptionExtractor(inception)
    grey = Image(IMAGES[0].pixels[:, :, :1])
    found = extractor([grey, Image(np.repeat(grey.pixels, 3, axis=2)), IMAGES[1]])
    assert found.shape == (3, 2048)
    assert np.allclose(found[0], found[1], rtol=1e-4)
    assert not np.allclose(found[0], found[2], rtol=1e-4)
    assert not extractor.is_fid  # of random weights it is not the published one


def test_paths_that_fork_share_their_beginning() -> None:
    block = Mixed(
        {"a": (2, 3, 1, 0), "b": (3, 1, 1, 0), "c": (3, 4, 1, 0)}, [("a", "b"), ("a", "c"), ("pool",)], AVERAGE
    ).eval()
    x = torch.rand(1, 2, 4, 4)
    shared = block.a(x)
    expected = torch.cat([block.b(shared), block.c(shared), AVERAGE(x)], dim=1)
    torch.testing.assert_close(block(x), expected)
    assert torch.equal(AVERAGE(torch.ones(1, 1, 3, 3)), torch.ones(1, 1, 3, 3))  # edges too


@pytest.mark.parametrize("change", ["absent", "unknown", "shape"])
def test_other_weights_are_told(inception: Path, tmp_path: Path, change: str) -> None:
    weights = torch.load(inception, weights_only=True)
    if change == "absent":
        del weights["Mixed_7c.branch1x1.conv.weight"]
    elif change == "unknown":
        weights["Mixed_8a.conv.weight"] = torch.zeros(1)
    else:
        weights["Mixed_7c.branch1x1.conv.weight"] = torch.zeros(1)
    torch.save(weights, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="not those of Inception v3"):
        InceptionExtractor(tmp_path / "other.pth")


@pytest.fixture
def dreamsim_folder(tmp_path: Path) -> Path:
    for branch in BRANCHES:
        for name in _files(branch):
            (tmp_path / name).touch()
    return tmp_path


def test_dreamsim_is_asked_as_its_package_says(
    dreamsim_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}

    def load(**settings: Any) -> tuple[Any, Any]:
        asked.update(settings)
        sys.stdout.write("Using cached\n")
        prepared = lambda picture: torch.from_numpy(np.array(picture)).double().flatten()[None]  # noqa: E731
        return SimpleNamespace(embed=lambda pixels: pixels[:, :5]), prepared

    package = ModuleType("dreamsim")
    package.dreamsim = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dreamsim", package)
    found = DreamSimExtractor(dreamsim_folder)(IMAGES)
    assert np.array_equal(found[2], IMAGES[2].pixels.ravel()[:5])
    assert asked == {"pretrained": True, "device": "cpu", "cache_dir": str(dreamsim_folder)}
    assert capsys.readouterr().out == ""


def test_dreamsim_that_is_not_here_is_told(dreamsim_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dreamsim", None)
    with pytest.raises(MissingDependencyError, match="dreamsim"):
        DreamSimExtractor(dreamsim_folder)
    (dreamsim_folder / "clip_vitb16_lora").unlink()
    with pytest.raises(ModelError, match="clip_vitb16_lora"):
        DreamSimExtractor(dreamsim_folder)
