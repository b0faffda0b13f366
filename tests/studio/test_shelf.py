from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from molvm.durable import exclusive
from molvm.errors import InputFileError, UnknownNameError
from molvm.runs.config import RunConfig
from molvm.runs.config_file import config_text
from molvm.runs.manifest import Manifest
from molvm.studio.shelf import open_shelf


def make_run(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "resolved.toml").write_text(config_text(RunConfig()))
    Manifest("qm9", None, "qed", "", "maximise", 0).begin_session(0, 1, None).save(path / "manifest.json")
    return path


def test_runs_and_files_are_found_below_the_root_alone(tmp_path: Path) -> None:
    make_run(tmp_path / "here" / "group" / "one")
    make_run(tmp_path / "outside")
    (tmp_path / "outside.sdf").touch()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "here" / "link.sdf").symlink_to(tmp_path / "outside.sdf")
    (tmp_path / "here" / "mine.sdf").touch()
    shelf = open_shelf(tmp_path / "here")
    assert list(shelf.runs()) == ["group/one"]
    assert list(shelf.files()) == ["mine.sdf"]
    for name in ("../outside", str(tmp_path / "outside"), "link", "group/../group/one"):
        with pytest.raises(UnknownNameError):
            shelf.run(name)
        with pytest.raises(UnknownNameError):
            shelf.file(name + ".sdf")


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are UTF-8")
def test_a_name_that_is_not_utf_8_can_be_shown(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.sdf")
    path.touch()
    (name,) = open_shelf(tmp_path).files()
    assert name.encode() == b"caf\\xe9.sdf"
    assert open_shelf(tmp_path).file(name) == path


def test_a_run_is_a_shelf_of_itself(tmp_path: Path) -> None:
    assert list(open_shelf(make_run(tmp_path / "one")).runs()) == ["one"]


def test_a_run_without_its_process_has_stopped(tmp_path: Path) -> None:
    run = open_shelf(make_run(tmp_path / "one")).run("one")
    assert run.state == "stopped"
    with exclusive(run.directory.lock, "training"):
        assert run.state == "running"
    assert run.state == "stopped"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 101, "a b", "<b>", "ä"])
def test_a_new_run_stays_on_the_shelf(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputFileError):
        open_shelf(tmp_path).place_for(name)


def test_a_plain_name_is_a_place(tmp_path: Path) -> None:
    assert open_shelf(tmp_path).place_for("dipole-6_b.2") == tmp_path.resolve() / "dipole-6_b.2"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no folder"):
        open_shelf(tmp_path / "nothing")
