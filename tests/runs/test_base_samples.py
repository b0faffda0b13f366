from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import CheckpointError
from molvm.runs import base_samples
from molvm.runs.base_samples import drawn_and_kept
from molvm.sde import SamplingOptions
from tests.runs.tiny import tiny_model


class StoppedError(Exception):
    """What a test ends the work with."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_samples, "BATCH", 2)


def draw(folder: Path, stop_after: int | None = None) -> tuple[list[Molecule], list[int]]:
    asked, seen = 0, list[int]()

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == stop_after:
            raise StoppedError

    found = drawn_and_kept(
        tiny_model(),
        5,
        SamplingOptions(steps=4),
        0,
        folder,
        progress=lambda done, count: seen.append(done),
        check=check,
    )
    return found, seen


def test_an_interrupted_drawing_goes_on(tmp_path: Path) -> None:
    whole, seen = draw(tmp_path / "whole")
    assert len(whole) == seen[-1] == 5
    assert seen == sorted(seen)
    with pytest.raises(StoppedError):
        draw(tmp_path / "stopped", stop_after=7)  # in the second batch
    again, seen = draw(tmp_path / "stopped")
    assert seen[0] == 2  # the first batch is read
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)


def test_batches_differ(tmp_path: Path) -> None:
    found, _ = draw(tmp_path)
    assert len({molecule.positions.tobytes() for molecule in found}) == 5


def test_a_damaged_batch_is_told(tmp_path: Path) -> None:
    draw(tmp_path)
    next((tmp_path / "1").rglob("*.safetensors")).write_bytes(b"nothing")
    with pytest.raises(CheckpointError):
        draw(tmp_path)
