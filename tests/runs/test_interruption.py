from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from molvm.runs.interruption import Abandoned, Interruption


@pytest.fixture
def usual_handler() -> Iterator[None]:
    """Python's own handler of SIGINT: shells, and some CI, start background jobs with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_handler")
def test_the_first_signal_is_noted_and_the_second_acts() -> None:
    with Interruption() as interruption:
        interruption.check()
        assert interruption.exit_code == 0
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.requested
        assert interruption.exit_code == 130
        with pytest.raises(Abandoned):
            interruption.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_outside_the_main_thread_nothing_is_installed() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with Interruption() as interruption:
            seen.append(interruption.requested)
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False, before]
