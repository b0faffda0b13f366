"""The client's end of a Dask cluster: tasks out, answers back, and whether anybody is there."""

from __future__ import annotations

import queue
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from itertools import count
from typing import Any, Final

from molvm.errors import MissingDependencyError, RewardError
from molvm.rewards.base import Outcome
from molvm.rewards.batch import Check
from molvm.rewards.cluster.address import DaskAddress
from molvm.rewards.limits import CHECK_SECONDS

CONNECT_SECONDS: Final = 10.0
"""How long a scheduler may take to answer."""

SILENT: Final = {"logging": {"distributed": "critical", "distributed.client": "critical"}}
"""What is worth saying is said by our own errors."""

Answer = list[Outcome] | str
"""The outcomes of a chunk, none if it was given up, or why a worker cannot score it."""


class Connection:
    """A client of a scheduler, and the tasks that it has out.

    Args:
        address: Of the scheduler.

    Raises:
        MissingDependencyError: Dask is not installed.
        RewardError: Nobody answers there.
    """

    def __init__(self, address: DaskAddress) -> None:
        self.address = address
        self._client = _client(address)
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._numbers, self._token = count(), secrets.token_hex(8)
        self._last_seen = time.monotonic()

    def carry(self, content: bytes) -> Any:
        """The content, kept in the cluster for the tasks that are given it. What a lost worker had is made again."""
        import dask

        # It is sent once, and not with every chunk, because it may be large.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            return self._client.submit(bytes, content, key=self._key("reward"), pure=False)

    def submit(self, *arguments: object) -> Any:
        """A task that scores a chunk; `next_ended` gives it back. The arguments are those of `score_chunk`."""
        future = self._client.submit(_errand(), *arguments, key=self._key("chunk"), pure=False)
        future.add_done_callback(self._ended.put)
        return future

    def next_ended(self) -> Any:
        """A task that has ended in some way, or None after a second without any."""
        try:
            future = self._ended.get(timeout=CHECK_SECONDS)
        except queue.Empty:
            return None
        self._last_seen = time.monotonic()
        return future

    def answer_of(self, future: Any) -> Answer | None:
        """What a finished task has answered.

        Returns:
            None if the answer is lost with the worker that had it: Dask makes it again, and the task ends once more.
        """
        try:
            answer: Answer = future.result(timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, CancelledError):
            self._ended.put(future)
            return None
        return answer

    def await_workers(self, check: Check | None) -> int:
        """The threads of all workers, waiting for the first ones if there are none.

        Raises:
            RewardError: There were none for as long as the address allows, or the scheduler has gone.
        """
        self._last_seen = time.monotonic()
        while not (threads := self.threads()):
            if check is not None:
                check()
            time.sleep(CHECK_SECONDS)
        return threads

    def threads(self) -> int:
        """The threads of all workers; 0 for some time when there are none.

        Raises:
            RewardError: There were none for as long as the address allows, or the scheduler has gone.
        """
        self.require_scheduler()
        try:
            threads: Mapping[str, int] = self._client.nthreads(callback_timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise self._gone() from error
        if threads:
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > self.address.wait:
            raise RewardError(
                f"The Dask cluster at {self.address.url} had no worker for {self.address.wait:g} s.",
                remedy=f"`dask worker {self.address.url}` on other machines, or ?wait=SECONDS behind the address "
                "if they come later",
            )
        return sum(threads.values())

    def require_scheduler(self) -> None:
        """Refuse to go on without the scheduler.

        Raises:
            RewardError: It has gone.
        """
        if self._client.status != "running":
            raise self._gone()

    def _gone(self) -> RewardError:
        return RewardError(
            f"The Dask scheduler at {self.address.url} has gone in the middle of a batch.",
            remedy="starting the cluster again, then the same command; outcomes that are kept are not computed again, "
            "and a run goes on with --resume",
        )

    def close(self) -> None:
        """Leave the cluster; what is still out there is cancelled."""
        self._client.close(timeout=CONNECT_SECONDS)

    def _key(self, what: str) -> tuple[str, int]:
        """Names must be new: Dask takes two tasks of one name for the same."""
        return f"molvm-{what}-{self._token}", next(self._numbers)


def _client(address: DaskAddress) -> Any:
    distributed = _distributed()
    try:
        return distributed.Client(address.url, timeout=CONNECT_SECONDS, set_as_default=False, name="molvm")
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
        raise RewardError(
            f"The Dask scheduler at {address.url} cannot be reached: {type(error).__name__}: {error!s:.200}.",
            remedy="the address that `dask scheduler` shows when it starts, and a network on which it can be reached; "
            "tls:// wants certificates in Dask's configuration",
        ) from error


def _distributed() -> Any:
    """Dask, silent unless the user has settled what it says or has begun to use it already."""
    try:
        import dask

        if "distributed" not in sys.modules and dask.config.get("logging", None) is None:
            with dask.config.set(SILENT):
                import distributed
        else:
            import distributed
    except ImportError as error:
        raise MissingDependencyError("distributed", "dask", "Scoring on many machines") from error
    return distributed


def _errand() -> Callable[..., Answer]:
    """The function of a task.

    It is made here because Dask sends such a function as a whole, and others by name: so a scheduler without molvm
    passes it on, and a worker without molvm can say so.
    """

    def molvm_chunk(*arguments: Any) -> Answer:
        import platform
        import sys

        try:
            from molvm.rewards.cluster.worker import score_chunk
        except ImportError as error:
            return f"the worker on {platform.node()} ({sys.executable}) has no such molvm: {error}"
        return score_chunk(*arguments)

    return molvm_chunk
