from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from molvm.datasets.workers import mapped_in_order
from molvm.errors import DatasetError


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_jobs(workers: int) -> None:
    # A built-in can be pickled whatever this test file is called.
    done = mapped_in_order(abs, iter(range(-5, 5)), workers, ahead=2, what="testing")
    assert list(done) == [abs(number) for number in range(-5, 5)]


def test_jobs_are_taken_as_late_as_may_be() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with closing(mapped_in_order(abs, jobs(), 2, ahead=2, what="testing")) as done:
        assert next(done) == 0
    assert len(taken) <= 5


def test_a_worker_that_dies_is_an_error_with_a_remedy() -> None:
    with pytest.raises(DatasetError, match="died while testing"):
        list(mapped_in_order(os._exit, [3, 3], 2, ahead=1, what="testing"))


def test_workers_have_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert list(mapped_in_order(os.getenv, ["OMP_NUM_THREADS"] * 2, 2, ahead=1, what="testing")) == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
