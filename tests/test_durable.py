"""What is written is whole or not there, and what cannot be written is said in one message."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from molvm.durable import published, replace_text, require_writable
from molvm.errors import OutputExistsError


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)


def test_a_file_and_a_directory_appear_whole(tmp_path: Path) -> None:
    with published(tmp_path / "new" / "data", parents=True) as part:
        part.mkdir()
        (part / "a").write_text("a")
        assert not (tmp_path / "new" / "data").exists()
    replace_text(tmp_path / "new" / "note", "1")
    replace_text(tmp_path / "new" / "note", "2")
    assert {path.name for path in (tmp_path / "new").rglob("*")} == {"data", "a", "note"}
    assert (tmp_path / "new" / "note").read_text() == "2"
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "new" / "note").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_of_a_failure_nothing_is_left(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> None:
        with published(tmp_path / "out") as part:
            if kind == "directory":
                part.mkdir()
                part = part / "inside"
            part.write_text("half")
            if failure is not None:
                raise failure

    failure: BaseException | None = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        write()
    failure = None
    fill_the_disk(monkeypatch)
    with pytest.raises(OutputExistsError, match="No space left"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_what_came_in_between_stays(tmp_path: Path) -> None:
    def write() -> None:
        with published(tmp_path / "out") as part:
            part.write_text("mine")
            (tmp_path / "out").write_text("theirs")

    with pytest.raises(OutputExistsError, match="already"):
        write()
    assert (tmp_path / "out").read_text() == "theirs"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_directory_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    with pytest.raises(OutputExistsError, match="cannot be written"):
        replace_text(tmp_path, "text")


def test_writability_is_known_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    require_writable(tmp_path / "new")
    require_writable(tmp_path / "file", overwrite=True)
    require_writable(tmp_path / "a" / "b" / "new", parents=True)
    for path, arguments, words in (
        (tmp_path / "file", {}, "already"),
        (tmp_path / "a" / "new", {}, f"no folder {tmp_path / 'a'}"),
        (tmp_path / "file" / "new", {"parents": True}, "Not a directory"),
        (tmp_path, {"overwrite": True}, "directory"),
        (Path("/proc/new"), {}, "cannot be written"),
    ):
        with pytest.raises(OutputExistsError, match=words):
            require_writable(path, **arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
