"""A program that is kept running: answers, ends, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from molvm.programs.companion import Companion, CompanionError

PROGRAM = """
import os, sys, time
for line in sys.stdin:
    word = line.strip()
    if word == "die": os._exit(3)
    if word == "hang": time.sleep(3600)
    if word == "long": word = "x" * 300_000
    print(f"{os.getpid()} {word}", flush=True)
"""


@pytest.fixture
def companion() -> Iterator[Companion]:
    made = Companion([sys.executable, "-c", PROGRAM])
    yield made
    if made._process is not None:
        made._process.kill()


def ask(companion: Companion, word: str, time_limit: float = 60.0) -> tuple[int, str]:
    process, _, answer = companion.ask(word.encode(), time_limit=time_limit).decode().partition(" ")
    return int(process), answer


def ended(process: int, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while Path(f"/proc/{process}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    return not Path(f"/proc/{process}").exists()


def test_one_process_answers_all(companion: Companion) -> None:
    first, second = ask(companion, "one"), ask(companion, "two")
    assert first[0] == second[0] != os.getpid()
    assert (first[1], second[1]) == ("one", "two")
    assert ask(companion, "long")[1] == "x" * 300_000


def test_threads_get_their_own_answers(companion: Companion) -> None:
    words = [f"word {number}" for number in range(50)]
    with ThreadPoolExecutor(8) as threads:
        assert [answer for _, answer in threads.map(lambda word: ask(companion, word), words)] == words


def test_after_a_crash_there_is_a_new_one(companion: Companion) -> None:
    before, _ = ask(companion, "one")
    with pytest.raises(CompanionError, match="status 3") as caught:
        ask(companion, "die")
    assert caught.value.ending == "crashed"
    after, answer = ask(companion, "two")
    assert answer == "two"
    assert after != before


def test_one_that_was_killed_meanwhile_costs_no_question(companion: Companion) -> None:
    before, _ = ask(companion, "one")
    os.kill(before, 9)
    assert companion._process is not None
    companion._process.wait()
    assert ask(companion, "two")[1] == "two"


def test_too_long_ends_it(companion: Companion) -> None:
    before, _ = ask(companion, "one")
    with pytest.raises(CompanionError, match=r"longer than 0.5 s") as caught:
        ask(companion, "hang", 0.5)
    assert caught.value.ending == "timeout"
    assert ended(before)
    assert ask(companion, "two")[1] == "two"


def test_it_goes_with_its_companion(companion: Companion) -> None:
    own = Companion([sys.executable, "-c", PROGRAM])
    process, _ = ask(own, "one")
    del own
    assert ended(process)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no signal for it")
def test_it_goes_with_its_process_even_when_that_is_killed() -> None:
    program = (
        "import os, sys; from molvm.programs.companion import Companion;"
        f"c = Companion([sys.executable, '-c', {PROGRAM!r}]);"
        "print(c.ask(b'one', time_limit=60).decode(), flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    assert ended(int(done.stdout.split()[0]))
