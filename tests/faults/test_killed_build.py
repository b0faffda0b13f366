"""A build of a dataset that is killed from outside, with its workers, goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from molvm.datasets import drugs as builder
from molvm.datasets.drugs import build_drugs
from molvm.datasets.store import ARRAY_DTYPES

PROGRAM = """
import sys
from pathlib import Path
from molvm.datasets import drugs
drugs.CHUNK = 8
if __name__ == "__main__":
    drugs.build_drugs(Path(sys.argv[1]), workers=2, count=400)
"""


def session_members(leader: int) -> list[int]:
    """The processes of a session that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, session, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            except (OSError, ValueError):
                continue
            if int(session) == leader and state != "Z":
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
def test_a_killed_build_leaves_no_worker_and_goes_on(
    tmp_path: Path, molvm_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script, path = tmp_path / "build.py", tmp_path / "drugs"
    script.write_text(PROGRAM)
    process = subprocess.Popen([sys.executable, script, path], env=molvm_environment, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("drugs.chunks/chunk-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    made = len(list(tmp_path.glob("drugs.chunks/chunk-*")))
    assert 2 <= made < 50
    assert not path.exists()
    while session_members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert session_members(process.pid) == []
    monkeypatch.setattr(builder, "CHUNK", 8)
    resumed = build_drugs(path, workers=1, count=20)
    fresh = build_drugs(tmp_path / "fresh", workers=1, count=20)
    # Sums come out, to the last digit, by where in memory their terms lie.
    np.testing.assert_allclose(resumed.positions, fresh.positions, rtol=0, atol=1e-5)
    for name in ARRAY_DTYPES.keys() - {"positions"}:
        np.testing.assert_array_equal(getattr(resumed, name), getattr(fresh, name))
