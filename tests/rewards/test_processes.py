from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_rewards import Surroundings

from molvm.chem.molecule import Molecule
from molvm.cores import THREAD_VARIABLES
from molvm.rewards import WorkerPool
from molvm.rewards.base import Outcome


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1, time_limit=10.0) as workers:
        yield workers


def surroundings(pool: WorkerPool, molecule: Molecule) -> Outcome:
    (outcome,) = pool.score(Surroundings(), [molecule])
    assert outcome.failure is None
    return outcome


def test_workers_see_the_environment_as_it_is_when_their_pool_starts(
    pool: WorkerPool, small: list[Molecule], monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings(pool, small[0])
    pool.close()
    monkeypatch.setenv("SURROUNDINGS", "new")
    assert surroundings(pool, small[0]).details["variable"] == "new"
    pool.close()
    monkeypatch.delenv("SURROUNDINGS")
    assert surroundings(pool, small[0]).details["variable"] == ""


def test_workers_have_one_thread_whatever_the_environment_says(
    pool: WorkerPool, small: list[Molecule], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, "7")
    assert surroundings(pool, small[0]).details["threads"] == "1"


def test_an_interrupt_of_the_whole_group_spares_the_server_from_its_first_moment(
    pool: WorkerPool, small: list[Molecule]
) -> None:
    told = surroundings(pool, small[0]).details
    status = Path(f"/proc/{int(told['parent'])}/status")
    if status.exists():
        blocked = int(status.read_text().split("SigBlk:")[1].split()[0], 16)
        assert blocked >> (signal.SIGINT - 1) & 1
    assert told["blocked"] == "[]"
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_server_that_is_killed_is_replaced(pool: WorkerPool, small: list[Molecule]) -> None:
    first = surroundings(pool, small[0])
    server = int(first.details["parent"])
    assert server != os.getpid()
    for process in (server, int(first.value or 0)):
        os.kill(process, signal.SIGKILL)
    second = surroundings(pool, small[0])
    assert second.value != first.value
    assert int(second.details["parent"]) not in (server, os.getpid())


def test_a_pool_whose_server_is_killed_while_it_rests_goes_on(pool: WorkerPool, small: list[Molecule]) -> None:
    first = surroundings(pool, small[0])
    os.kill(int(first.details["parent"]), signal.SIGKILL)
    # By then its workers have noticed, and the pool that none can be started.
    time.sleep(2.5)
    assert surroundings(pool, small[0]).value != first.value


def test_a_pool_that_breaks_while_it_is_given_a_chunk_goes_on(pool: WorkerPool, small: list[Molecule]) -> None:
    first = surroundings(pool, small[0])
    scheduler = pool._pool
    passes = scheduler._check_pool_status

    def passes_slowly() -> None:
        passes()
        # Meanwhile the pool finds that its worker is gone, and fails all that it knows of.
        time.sleep(0.5)

    scheduler._check_pool_status = passes_slowly
    for process in (int(first.details["parent"]), int(first.value or 0)):
        os.kill(process, signal.SIGKILL)
    assert surroundings(pool, small[0]).value != first.value
