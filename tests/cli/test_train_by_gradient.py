"""Methods that need the reward's gradient, by the same commands as any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from molvm.models.hub import save_model
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.training.checkpoint import load_checkpoint
from tests.cli.conftest import Molvm

METHODS = ["adjoint-matching", "vgg-flow", "refl", "draft"]
SMALL = (*("--strength", 5, "--batch-size", 4, "--steps", 4, "--value-size", "A", "--workers", 1), "--seed", 3)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = PixelNetwork(PixelConfig(size=8, classes=2, widths=(8, 16)))
    save_model(PixelFlowModel(network, ["zero", "one"], "tiny"), tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.mark.parametrize("method", METHODS)
def test_it_trains_resumes_and_samples_like_any_other(molvm: Molvm, tmp_path: Path, base: Path, method: str) -> None:
    given = ("train", "--model", base, "--reward", "brightness", "--objective", method, *SMALL)
    given = (*given, "--set", "training.checkpoint_every=2", "--set", "training.updates=2")
    for out, count in (("whole", 4), ("parts", 2)):
        said = molvm(*given, "--iterations", count, "--out", out)
        assert said.code == 0, said.err
    assert molvm("train", "--resume", "parts", "--iterations", 4).code == 0
    ends = [load_checkpoint(tmp_path / out / "checkpoints") for out in ("whole", "parts")]
    assert all(torch.equal(tensor, ends[1].tensors[name]) for name, tensor in ends[0].tensors.items())
    said = molvm("sample", "whole", "-n", 2, "--score", "--workers", 1, "--out", "drawn")
    assert said.code == 0, said.err
    assert molvm("sample", "whole", "-n", 2, "--noise", 0, "--workers", 1, "--out", "still").code == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_black_box_is_refused_before_anything_is_written(
    molvm: Molvm, tmp_path: Path, base: Path, method: str
) -> None:
    given = ("train", "--model", base, "--objective", method, *SMALL, "--iterations", 1, "--out", "run")
    said = molvm(*given, "--reward", "compressed(png)")
    assert said.code == 2
    for word in (
        "png",
        "objective.gradient = surrogate",
        "black box",
        "value-matching",
        "classifier-guidance",
        "ddpo",
        "svdd",
        "feynman-kac",
        "best-of",
    ):
        assert word in said.err
    assert not (tmp_path / "run").exists()


def test_molecules_have_such_a_reward_only_by_a_surrogate(
    molvm: Molvm, tmp_path: Path, tiny_path: Path, spread_reward: str
) -> None:
    given = ("train", "--model", tiny_path, "--reward", spread_reward, "--objective", "adjoint-matching", *SMALL)
    said = molvm(*given, "--iterations", 1, "--out", "run")
    assert said.code == 2
    assert "objective.gradient = surrogate" in said.err
    assert not (tmp_path / "run").exists()
    given = (*given, "--set", "objective.gradient=surrogate", "--set", "objective.surrogate_updates=5")
    given = (*given, "--set", "training.checkpoint_every=1")
    for out, count in (("whole", 2), ("parts", 1)):
        said = molvm(*given, "--iterations", count, "--out", out)
        assert said.code == 0, said.err
    assert molvm("train", "--resume", "parts", "--iterations", 2).code == 0
    ends = [load_checkpoint(tmp_path / out / "checkpoints") for out in ("whole", "parts")]
    assert all(torch.equal(tensor, ends[1].tensors[name]) for name, tensor in ends[0].tensors.items())
    metrics = json.loads((tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()[-1])
    assert metrics["surrogate_error"] > 0
    assert molvm("sample", "whole", "-n", 2, "--workers", 1, "--out", "drawn.sdf").code == 0
