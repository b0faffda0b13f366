"""Runs whose folders are called as no settings file could say."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import molvm
from molvm.errors import InputFileError, OutputExistsError
from molvm.runs.contenders import recorded_runs
from molvm.runs.directory import RunDirectory
from molvm.runs.store import RunStore
from molvm.studio.shelf import open_shelf

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="its file names are UTF-8")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """What looks like a run."""
    path = tmp_path / os.fsdecode(b"caf\xe9")
    path.mkdir()
    (path / "resolved.toml").write_text("", encoding="utf-8")
    (path / "manifest.json").write_text("{}", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "use",
    [
        molvm.report,
        molvm.resume,
        molvm.Run.open,
        lambda path: molvm.sample(path, 1),
        lambda path: recorded_runs([path, path.parent]),
        open_shelf,
        lambda path: list(RunStore(RunDirectory(path), "qed").records()),
    ],
    ids=["report", "resume", "open", "sample", "compare", "shelf", "records"],
)
def test_a_run_that_is_there_is_refused(path: Path, use: Callable[[Path], Any]) -> None:
    with pytest.raises(InputFileError, match=r"caf\\xe9.* is not UTF-8.*another name"):
        use(path)


def test_a_new_run_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(OutputExistsError, match="not UTF-8"):
        molvm.train("qm9", "qed", out=tmp_path / os.fsdecode(b"caf\xe9"))
    assert list(tmp_path.iterdir()) == []


def test_the_folder_above_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path)
    with pytest.raises(InputFileError, match="not UTF-8"):
        molvm.Run.open(".")


def test_a_shelf_lists_it(path: Path) -> None:
    assert list(open_shelf(path.parent).runs()) == [r"caf\xe9"]
