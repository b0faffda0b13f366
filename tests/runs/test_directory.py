from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from molvm.errors import InputFileError, OutputExistsError
from molvm.runs.directory import RunDirectory


def test_an_empty_directory_is_free_and_a_new_one_too(tmp_path: Path) -> None:
    RunDirectory(tmp_path).begin()
    RunDirectory(tmp_path / "a" / "b").begin()
    assert (tmp_path / "a" / "b" / "molecules").is_dir()


@pytest.mark.parametrize("kind", ["file", "something", "run"])
def test_nothing_is_overwritten(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    if kind == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        names = ["resolved.toml", "manifest.json"] if kind == "run" else ["notes.txt"]
        for name in names:
            (path / name).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputExistsError) as caught:
        RunDirectory(path).begin()
    assert sorted(tmp_path.rglob("*")) == before
    assert all(found.read_text() == "mine" for found in before if found.is_file())
    assert ("--resume" in str(caught.value)) == (kind == "run")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExistsError, match="cannot be written"):
        RunDirectory(tmp_path / "file" / "run").begin()


def test_what_a_killed_process_left_before_its_first_file_is_nothing(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    with directory.exclusive():
        pass
    assert directory.lock.exists()
    directory.begin()
    assert directory.samples("molecules").is_dir()


def test_what_is_no_run_is_not_opened(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputFileError, match="holds no run"):
            RunDirectory(path).require_run()


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    program = (
        "import os, signal; from pathlib import Path; from molvm.runs.directory import RunDirectory\n"
        f"with RunDirectory(Path({str(tmp_path)!r})).exclusive():\n"
        "    print('locked', flush=True); input()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(OutputExistsError, match="Another process"), directory.exclusive():
            pass
        process.kill()
    with directory.exclusive():
        pass
