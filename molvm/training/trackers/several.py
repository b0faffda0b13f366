"""The trackers that a run has asked for, none of which may stop it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from typing import Final

from molvm.errors import MissingDependencyError, UnknownNameError
from molvm.training.trackers.mlflow import MlflowTracker
from molvm.training.trackers.tensorboard import TensorBoardTracker
from molvm.training.trackers.tracked import Tracked, Tracker
from molvm.training.trackers.wandb import WandbTracker

logger = logging.getLogger(__name__)

TRACKERS: Final[Mapping[str, Callable[[Tracked], Tracker]]] = {
    "tensorboard": TensorBoardTracker,
    "wandb": WandbTracker,
    "mlflow": MlflowTracker,
}

PACKAGES: Final = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow-skinny"}


def require_trackers(names: Iterable[str]) -> None:
    """Make sure, before long work, that what is asked for is there.

    Raises:
        UnknownNameError: There is no such tracker.
        MissingDependencyError: Its package is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise UnknownNameError("logger", name, TRACKERS)
        if find_spec(name) is None:
            raise MissingDependencyError(PACKAGES[name], name, f"Logging to {name}")


class Trackers:
    """Those of the names, told one after the other; one that raises is told no more, and a warning says so.

    Args:
        names: Among `TRACKERS`.
        run: What is tracked.
    """

    def __init__(self, names: Iterable[str], run: Tracked) -> None:
        self._open: dict[str, Tracker] = {}
        for name in names:
            self._guarded(name, lambda name=name: self._open.__setitem__(name, TRACKERS[name](run)))  # type: ignore[misc]

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """The metrics of a finished iteration."""
        for name, tracker in list(self._open.items()):
            self._guarded(name, lambda tracker=tracker: tracker.log(iteration, metrics))  # type: ignore[misc]

    def close(self, *, finished: bool) -> None:
        """End them."""
        for name, tracker in list(self._open.items()):
            self._guarded(name, lambda tracker=tracker: tracker.close(finished=finished))  # type: ignore[misc]
        self._open = {}

    def _guarded(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - hours of training are worth more than a curve elsewhere
            logger.warning("%s is told no more: %s: %s", name, type(error).__name__, error)
            self._open.pop(name, None)
