from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from molvm.models.hub import load_model
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import DenoiserModel
from tests.models.images import tiny_pipelines as tiny

PROMPTS = ("a cat", "the dog")


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pipelines saved as a user who has downloaded weights has them."""
    root = tmp_path_factory.mktemp("pipelines")
    tiny.pixels().save_pretrained(root / "pixels")
    tiny.pixels("v_prediction", classes=3).save_pretrained(root / "pixels_v")
    tiny.save_dit(tiny.dit(), root / "dit")
    tiny.stable_diffusion(root / "words").save_pretrained(root / "sd15")
    tiny.stable_diffusion(root / "words", "v_prediction").save_pretrained(root / "sd2")
    tiny.stable_diffusion_3(root / "words").save_pretrained(root / "sd3")
    return {path.name: path for path in root.iterdir() if path.name != "words"}


@pytest.fixture(scope="session")
def load(folders: dict[str, Path]) -> Callable[..., DenoiserModel]:
    """A model by its family; of texts with two prompts, of ImageNet with two classes."""

    def load(family: str, guidance_scale: float = 1.0) -> DenoiserModel:
        asked = {"sd15": (PROMPTS, ()), "sd2": (PROMPTS, ()), "sd3": (PROMPTS, ()), "dit": ((), ("goldfish", "7"))}
        conditioning = Conditioning(*asked.get(family, ((), ())), guidance_scale)
        found = load_model(folders[family], precision="float32", conditioning=conditioning)
        assert isinstance(found, DenoiserModel)
        return found

    return load
