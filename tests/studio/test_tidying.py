from __future__ import annotations

import os
from pathlib import Path

import pytest

from molvm.studio.tidying import DAY, LIMITS, UNFINISHED, tidy

NOW = 1_000_000_000.0


def put(path: Path, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (NOW - age, NOW - age))
    return path


def scored_upload(folder: Path, token: str, age: float) -> Path:
    put(folder / "scores" / f"{token}.csv", age)
    return put(folder / "uploads" / f"{token}.sdf", age)


def test_the_newest_uploads_stay(tmp_path: Path) -> None:
    most = LIMITS["uploads"].most
    files = [scored_upload(tmp_path, f"{number:x}", 60.0 * number) for number in range(most + 3)]
    assert set(tidy(tmp_path, now=NOW)) == set(files[most:])
    assert [path.exists() for path in files] == [True] * most + [False] * 3
    assert tidy(tmp_path, now=NOW) == []


@pytest.mark.parametrize("folder", LIMITS)
def test_what_is_old_goes(tmp_path: Path, folder: str) -> None:
    longest = LIMITS[folder].longest
    old, young = put(tmp_path / folder / "a.csv", longest + 1), put(tmp_path / folder / "b.csv", longest - 1)
    assert tidy(tmp_path, now=NOW) == [old]
    assert young.exists()


def test_what_a_running_job_reads_stays(tmp_path: Path) -> None:
    read = scored_upload(tmp_path, "abc", 100 * DAY)
    path = put(tmp_path / "paths" / "path-1-0-50-0.sdf", 100 * DAY)
    log = put(tmp_path / "logs" / "score-abc.log", 100 * DAY)
    running = ["score-abc", path.stem]
    assert tidy(tmp_path, running, now=NOW) == []
    assert set(tidy(tmp_path, now=NOW)) == {read, tmp_path / "scores" / "abc.csv", path, log}


def test_an_upload_without_a_table_is_left_for_a_day(tmp_path: Path) -> None:
    most = LIMITS["uploads"].most
    waiting = [put(tmp_path / "uploads" / f"{number:x}.sdf", 60.0 * number) for number in range(most + 3)]
    left = put(tmp_path / "uploads" / "fff.sdf", UNFINISHED + 1)
    assert tidy(tmp_path, now=NOW) == [left]
    assert all(path.exists() for path in waiting)


def test_nothing_else_is_touched(tmp_path: Path) -> None:
    others = [
        put(tmp_path / "launched" / "mine.toml", 1000 * DAY),
        put(tmp_path / "uploads" / ".a.part", 1000 * DAY),
        put(tmp_path.parent / "outside.sdf", 1000 * DAY),
    ]
    (tmp_path / "uploads" / "link.sdf").symlink_to(others[2])
    assert tidy(tmp_path, now=NOW) == []
    assert all(path.exists() for path in others)


def test_an_empty_folder_is_tidy(tmp_path: Path) -> None:
    assert tidy(tmp_path / "nothing") == []
