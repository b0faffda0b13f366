"""Methods that train a copy of the base's own weights, by the same commands as any other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molvm.digests import sha256_of
from molvm.models.hub import save_model
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.training.checkpoint import load_checkpoint
from tests.cli.conftest import Molvm

SMALL = ("--strength", 5, "--batch-size", 4, "--steps", 4, "--value-size", "A", "--workers", 1, "--seed", 3)


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = PixelNetwork(PixelConfig(size=8, classes=2, widths=(8, 16)))
    save_model(PixelFlowModel(network, ["zero", "one"], "pixels"), tmp_path / "pixels")
    return tmp_path / "pixels"


@pytest.mark.parametrize(("makes", "objective"), [("molecules", "ddpo"), ("images", "adjoint-matching")])
def test_it_trains_resumes_and_samples_and_the_base_stays(
    molvm: Molvm, tmp_path: Path, tiny_path: Path, pixels: Path, spread_reward: str, makes: str, objective: str
) -> None:
    base, reward = (tiny_path, spread_reward) if makes == "molecules" else (pixels, "brightness")
    before = sha256_of(base / "model.safetensors")
    given = ("train", "--model", base, "--reward", reward, "--objective", objective, *SMALL)
    given = (*given, "--set", "objective.trains=full", "--set", "training.checkpoint_every=1")
    for out, count in (("whole", 2), ("parts", 1)):
        said = molvm(*given, "--iterations", count, "--out", out)
        assert said.code == 0, said.err
    assert molvm("train", "--resume", "parts", "--iterations", 2).code == 0
    ends = [load_checkpoint(tmp_path / out / "checkpoints") for out in ("whole", "parts")]
    assert all(torch.equal(tensor, ends[1].tensors[name]) for name, tensor in ends[0].tensors.items())
    assert sum(name.startswith("objective.control.features.weights") for name in ends[0].tensors) > 10
    out = ("--out", "drawn.sdf") if makes == "molecules" else ("--out", "drawn")
    said = molvm("sample", "whole", "-n", 2, "--score", "--workers", 1, *out)
    assert said.code == 0, said.err
    assert sha256_of(base / "model.safetensors") == before
    assert not (tmp_path / "whole" / "adapter").exists()
