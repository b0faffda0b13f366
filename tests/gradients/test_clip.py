"""Rewards that CLIP's embeddings are enough for, with few and random weights: values of the black box, and slopes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from molvm.errors import ConfigError
from molvm.gradients import require_differentiable
from molvm.models.hub import load_model
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import DenoiserModel
from molvm.models.images.judges.differentiable import DifferentiableClip
from molvm.models.images.judges.program import judge_of
from molvm.rewards import parse_reward
from molvm.rewards.images.learned import LearnedReward
from molvm.states import TensorState
from tests.models.images.judges import tiny_judges as tiny
from tests.models.images.tiny_pipelines import stable_diffusion

TEXTS = ["a cat", "the dog", "a cat"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("judges")
    torch.save(tiny.open_clip_weights(tiny.clip(root / "clip")), root / "HPS_v2.1_compressed.pt")
    head = tiny.mlp(8).state_dict()
    torch.save({f"layers.{name}": each for name, each in head.items()}, root / "head.pth")
    return root


def settings(files: Path, judge: str) -> dict[str, str]:
    found = {"judge": judge, "clip": str(files / "clip")}
    found |= {"head": str(files / "head.pth")} if judge == "head" else {}
    return found | ({"checkpoint": str(files / "HPS_v2.1_compressed.pt")} if judge == "cosine" else {})


def shown(count: int, height: int, width: int) -> tuple[torch.Tensor, list[PIL.Image.Image]]:
    """Levels from 0 to 1, and the same as images."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [
        np.stack([np.sin(rows / 3 + place), np.cos(columns / 4 - place), np.sin((rows + columns) / 5)], -1)
        for place in range(count)
    ]
    pixels = ((np.stack(waves) + 1) * 127).astype(np.uint8)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255, [PIL.Image.fromarray(each) for each in pixels]


@pytest.mark.parametrize("judge", ["clip_score", "cosine", "scaled_cosine", "head"])
@pytest.mark.parametrize("size", [(8, 8), (24, 40), (5, 4)])
def test_values_are_those_of_the_judge(files: Path, judge: str, size: tuple[int, int]) -> None:
    """Resized up, down or not; Pillow rounds to 256 levels on the way."""
    given = settings(files, judge)
    levels, images = shown(3, *size)
    found = DifferentiableClip(given)(levels, TEXTS)
    black_box = judge_of(given)
    expected = torch.tensor([black_box(image, text) for image, text in zip(images, TEXTS, strict=True)])
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=2e-2 if judge != "clip_score" else 1.0)
    if size == (8, 8):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("judge", ["clip_score", "cosine", "scaled_cosine", "head"])
def test_their_gradient_is_their_slope(files: Path, judge: str) -> None:
    score = DifferentiableClip(settings(files, judge))
    score.clip._model.double()
    if judge == "head":
        score.clip._head._layers = [(weight.double(), bias.double()) for weight, bias in score.clip._head._layers]
    levels = shown(3, 12, 10)[0].double() * 0.8 + 0.1
    direction = torch.randn(levels.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    leaf = levels.requires_grad_()
    (slope,) = torch.autograd.grad(score(leaf, TEXTS).sum(), leaf)
    with torch.no_grad():
        ahead, behind = (score(levels + step * direction, TEXTS) for step in (1e-5, -1e-5))
    assert bool(slope.abs().sum() > 0)
    torch.testing.assert_close((slope * direction).flatten(1).sum(1), (ahead - behind) / 2e-5, rtol=1e-4, atol=1e-7)


def test_a_reward_of_latents_is_differentiated_through_the_decoder(files: Path, tmp_path: Path) -> None:
    stable_diffusion(tmp_path / "words").save_pretrained(tmp_path / "sd")
    model = load_model(tmp_path / "sd", precision="float32", conditioning=Conditioning(prompts=("a cat", "the dog")))
    assert isinstance(model, DenoiserModel)
    reward = parse_reward(f"pickscore({str(files / 'clip')!r})")
    worth = require_differentiable(reward, "it", model)
    x = model.noise(torch.tensor([0, 1]), 2, torch.Generator().manual_seed(0))
    images = model.decode(x)
    black_box = judge_of(settings(files, "scaled_cosine"))
    expected = torch.tensor([black_box(image.pil(), image.prompt) for image in images])
    torch.testing.assert_close(worth(x).detach(), expected, rtol=2e-2, atol=2e-2)
    found = worth.gradient(x)
    assert isinstance(found, TensorState)
    assert found.x.shape == x.x.shape
    assert bool((found.x.flatten(1).abs().sum(1) > 0).all())
    assert require_differentiable(parse_reward("brightness"), "it", model)(x).shape == (2,)


def test_a_judge_that_is_no_clip_stays_a_black_box() -> None:
    with pytest.raises(ConfigError, match="black box"):
        require_differentiable(LearnedReward("image_reward", {"judge": "image_reward"}), "it")
