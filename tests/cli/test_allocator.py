from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from molvm.cli.allocator import M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, keep_freed_memory

PROGRAM = """
import resource, sys
from molvm.cli.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
import numpy as np
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(30_000_000, dtype=np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is tuned")
def test_memory_that_was_freed_is_used_again() -> None:
    """Touching 30 MB, which every glibc keeps, for the second time: one fault a page without, next to none with."""

    def faults(mode: str) -> int:
        command = [sys.executable, "-c", PROGRAM, mode]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert faults("kept") < 100
    assert faults("kept") < faults("as it is") / 2


class FakeGlibc:
    """Takes thresholds up to a limit, as glibc before 2.35 does."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken: dict[int, int] = {}

    def mallopt(self, name: int, value: int) -> int:
        if name == M_MMAP_THRESHOLD and value > self.limit:
            return 0
        self.taken[name] = value
        return 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc is tuned")
@pytest.mark.parametrize(("limit", "kept"), [(1 << 40, 1 << 30), (1 << 25, 1 << 25), (0, None)])
def test_each_glibc_gets_the_most_it_takes(limit: int, kept: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    glibc = FakeGlibc(limit)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: glibc)
    assert keep_freed_memory() == (kept is not None)
    assert glibc.taken.get(M_MMAP_THRESHOLD) == kept
    assert (M_TRIM_THRESHOLD in glibc.taken) == (kept is not None)
