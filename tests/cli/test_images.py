"""Images through the real commands: train, resume, sample, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import molvm
from molvm.cli.app import app
from molvm.errors import RewardError
from molvm.models.hub import save_model
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.runs.image_records import ImageRecord
from molvm.runs.image_samples import ImageSet

SMALL = ["--iterations", "2", "--batch-size", "6", "--steps", "5", "--value-size", "A", "--workers", "1"]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = PixelNetwork(PixelConfig(size=8, classes=2, widths=(8, 16)))
    save_model(PixelFlowModel(network, ["zero", "one"], "tiny"), tmp_path / "tiny")
    return tmp_path / "tiny"


def run(*arguments: str) -> None:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_a_run_of_images_is_trained_resumed_and_sampled(base: Path, tmp_path: Path) -> None:
    run("train", "--model", str(base), "--reward", "jpeg", "--strength", "5", *SMALL, "--out", str(tmp_path / "run"))
    run("train", "--resume", str(tmp_path / "run"), "--iterations", "3")
    found = molvm.Run.open(tmp_path / "run")
    assert found.manifest.makes == "images"
    assert len(found.metrics()) == 3
    best = found.top(3)
    assert all(isinstance(record, ImageRecord) for record in best)
    values = [record.value for record in best]
    assert values == sorted(values)  # fewer bits are better
    assert len(list(found.store.records())) == 18
    assert (tmp_path / "run" / "best.png").is_file()
    run("sample", str(tmp_path / "run"), "-n", "4", "--score", "--workers", "1", "--out", str(tmp_path / "drawn"))
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 5
    assert (tmp_path / "drawn" / "images.csv").read_text().startswith("id,prompt,path_cost,jpeg,failure,reason\n")


def test_no_control_gives_the_base_images(base: Path) -> None:
    model = molvm.load_model(base)
    first, again = (molvm.sample(model, 3, seed=1, steps=4) for _ in range(2))
    assert isinstance(first, ImageSet)
    assert [image.digest for image in first.images] == [image.digest for image in again.images]
    with pytest.raises(RewardError, match="judges molecules"):
        first.score("qed")


@pytest.mark.parametrize(("model", "reward"), [(None, "qed"), ("qm9", "jpeg")])
def test_a_reward_of_the_other_kind_is_refused_before_anything_is_made(
    base: Path, tmp_path: Path, model: str | None, reward: str
) -> None:
    with pytest.raises(RewardError, match="judges"):
        run("train", "--model", model or str(base), "--reward", reward, *SMALL, "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
