"""The same noise, by a base and by a run of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import molvm
from molvm.errors import ConfigError, ImageError
from molvm.images import Image, grid_of, read_folder, read_png, stacked_grid
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.runs.image_pairs import ImagePairs, image_pairs
from molvm.runs.image_samples import ImageSet


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> molvm.Run:
    torch.manual_seed(0)
    model = PixelFlowModel(PixelNetwork(PixelConfig(size=8, classes=2, widths=(8, 16))), ["zero", "one"], "tiny")
    out = tmp_path_factory.mktemp("runs") / "run"
    settings = {"training": {"strength": 40.0, "iterations": 2, "batch_size": 6, "learning_rate": 0.02}}
    return molvm.train(model, "jpeg", out=out, steps=5, value_size="A", workers=1, settings=settings)


def pairs_of(run: molvm.Run, count: int) -> ImagePairs:
    opened = molvm.Run.open(run.path, model=run.model)
    return image_pairs(opened, count, seed=3)


def test_the_base_is_the_base_and_the_run_the_run(trained: molvm.Run) -> None:
    pairs = pairs_of(trained, 5)
    base = trained.sample(5, seed=3, guidance=0)
    assert [image.digest for image in pairs.base] == [image.digest for image in base]
    assert [image.digest for image in pairs.steered] == [image.digest for image in trained.sample(5, seed=3)]
    assert [one.prompt for one in pairs.base] == [one.prompt for one in pairs.steered]
    assert not pairs.path_cost[:5].any()
    assert (pairs.path_cost[5:] > 0).all()
    assert [image.digest for image in pairs.base] != [image.digest for image in pairs.steered]


def test_a_folder_of_pairs_has_their_grid_and_both_sides(trained: molvm.Run, tmp_path: Path) -> None:
    pairs = pairs_of(trained, 10)
    assert pairs.score(trained.reward, workers=1).save(tmp_path / "drawn") == 20
    assert {image.id for image in read_folder(tmp_path / "drawn")} == {
        *(f"base-{number}" for number in range(1, 11)),
        *(f"run-{number}" for number in range(1, 11)),
    }
    sheet = read_png((tmp_path / "drawn" / "grid.png").read_bytes())
    assert sheet.digest == pairs.grid().digest


def test_the_best_of_pairs_are_no_pairs(trained: molvm.Run) -> None:
    best = pairs_of(trained, 3).score(trained.reward, workers=1).top(2)
    assert type(best) is ImageSet
    assert best.grid().digest == grid_of(best.images).digest


def test_rows_are_folded_together() -> None:
    upper, lower = ([Image(np.full((2, 2, 1), level + place, np.uint8)) for place in range(3)] for level in (0, 100))
    nothing = Image(np.full((2, 2, 1), 255, np.uint8))
    expected = grid_of([*upper[:2], *lower[:2], upper[2], nothing, lower[2], nothing], 2)
    assert stacked_grid([upper, lower], 2).digest == expected.digest
    assert stacked_grid([upper, lower]).digest == grid_of([*upper, *lower], 3).digest
    with pytest.raises(ImageError, match="cannot be stacked"):
        stacked_grid([upper, lower[:1]])


def test_molecules_have_no_pairs_here(trained: molvm.Run) -> None:
    manifest = trained.path / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"images"', '"molecules"'))
    try:
        with pytest.raises(ConfigError, match="makes molecules"):
            image_pairs(molvm.Run.open(trained.path, model=trained.model), 2)
    finally:
        manifest.write_text(text)
