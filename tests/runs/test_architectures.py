from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from molvm.errors import ModelError, UnknownNameError
from molvm.runs.architectures import architecture_of
from molvm.runs.memory import estimate_memory
from tests.models.images import tiny_pipelines as tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Published pipelines, by the folder of what is steered in them."""
    root = tmp_path_factory.mktemp("pipelines")
    saved: dict[str, Any] = {
        "unet": tiny.pixels(classes=3),
        "transformer": tiny.stable_diffusion_3(root / "words"),
    }
    for name, pipeline in saved.items():
        pipeline.save_pretrained(root / name)
    tiny.save_dit(tiny.dit(), root / "dit")
    return {**{name: root / name for name in saved}, "dit": root / "dit"}


def weights(*files: Path) -> int:
    """Numbers in safetensors files."""
    found = 0
    for file in files:
        with safe_open(file, "np") as stored:
            found += sum(math.prod(stored.get_slice(key).get_shape()) for key in stored.keys())  # noqa: SIM118
    return found


@pytest.mark.parametrize("name", ["unet", "transformer", "dit"])
def test_a_pipeline_is_estimated_by_its_settings(folders: dict[str, Path], name: str) -> None:
    """Two bytes a weight of the network that is there, and of the encoders of texts."""
    folder = folders[name]
    found = estimate_memory(str(folder), 4, value_size="A", steps=3)
    (network,) = [path for path in folder.glob("*/diffusion_pytorch_model.safetensors") if path.parent.name != "vae"]
    assert found.base == 2 * weights(network)
    assert found.through_two > found.through_one > found.base
    assert (found.decoding > 0) == (folder / "vae").is_dir()
    assert found.reading == 2 * weights(*folder.glob("text_encoder*/model.safetensors"))
    assert (found.reading > 0) == (name == "transformer")


def test_folders_that_cannot_be_read_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    shutil.copytree(folders["dit"], torn)
    (torn / "transformer" / "config.json").unlink()
    with pytest.raises(ModelError, match="torn cannot be read"):
        estimate_memory(str(torn))
    (torn / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    with pytest.raises(ModelError, match="is a FluxPipeline"):
        estimate_memory(str(torn))
    with pytest.raises(UnknownNameError, match="or folder of a pipeline"):
        estimate_memory(str(tmp_path))


def test_capitals_do_not_matter() -> None:
    assert architecture_of("SD3") is architecture_of("sd3")
