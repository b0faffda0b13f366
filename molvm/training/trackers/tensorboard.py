"""TensorBoard: event files in the run's folder `tensorboard`."""

from __future__ import annotations

from collections.abc import Mapping

from molvm.errors import MissingDependencyError
from molvm.training.trackers.tracked import Tracked


class TensorBoardTracker:
    """Writes event files; iterations that a resumed run makes again are taken back.

    Args:
        run: What is tracked.

    Raises:
        MissingDependencyError: tensorboard is not installed.
    """

    def __init__(self, run: Tracked) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise MissingDependencyError("tensorboard", "tensorboard", "Logging to TensorBoard") from error
        self._writer = SummaryWriter(str(run.folder / "tensorboard"), purge_step=run.first or None)
        if run.first == 0:
            rows = "\n".join(f"| {name} | {value} |" for name, value in run.settings.items())
            self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}", 0)

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """A point a metric."""
        for name, value in metrics.items():
            self._writer.add_scalar(name.replace(".", "/"), value, iteration)
        self._writer.flush()

    def close(self, *, finished: bool) -> None:  # noqa: ARG002 - event files do not say
        """Write what is left."""
        self._writer.close()
