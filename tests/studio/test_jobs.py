from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from molvm.errors import OutputExistsError
from molvm.studio.jobs import Job, Jobs


def wait(job: Job) -> None:
    for _ in range(600):
        if not job.running:
            return
        time.sleep(0.05)
    raise TimeoutError(job.last_line)


def test_a_job_leaves_its_exit_code_and_its_last_words(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "logs")
    job = jobs.start(
        "../a b", ["score", str(tmp_path / "missing.sdf"), "--reward", "qed", "--out", str(tmp_path / "x")]
    )
    with pytest.raises(OutputExistsError, match="running already"):
        jobs.start("../a b", ["doctor"])
    assert jobs.running == ["../a b"]
    wait(job)
    assert jobs.running == []
    assert job.exit_code == 2
    assert "missing.sdf" in job.last_line
    assert job.log.parent == tmp_path / "logs"
    assert jobs.find("../a b") is job
    assert jobs.find("other") is None


def test_a_signal_ends_a_job(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    log = tmp_path / "log"
    log.write_text("scoring: 1/300 outcomes\nwarnings.warn('resource_tracker: ...'\n")
    job = Job((), process, log)
    assert job.running
    job.stop()
    wait(job)
    assert job.exit_code == -15
    assert job.stopped
    assert job.ending == "Stopped before it was done."


def test_a_failure_is_told_from_a_stop(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.exit(3)"])
    job = Job((), process, tmp_path / "log")
    wait(job)
    assert not job.stopped
    assert job.ending == "It ended with status 3."


@pytest.mark.parametrize(
    ("text", "share"),
    [("", None), ("sampling: 1/4, 0:00:03 left", 0.25), ("a 1/4\nb 3/4 left", 0.75), ("9/3", 1.0), ("1/0", None)],
)
def test_the_share_is_read_from_what_was_said_last(tmp_path: Path, text: str, share: float | None) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert Job((), process, log).share == share
