"""Weights & Biases: online if the user has logged in, else as its own settings say (WANDB_MODE=offline)."""

from __future__ import annotations

from collections.abc import Mapping

from molvm.errors import MissingDependencyError
from molvm.training.trackers.tracked import Tracked


class WandbTracker:
    """Logs to a run of Weights & Biases; a resumed run goes on in the same one.

    Args:
        run: What is tracked.

    Raises:
        MissingDependencyError: wandb is not installed.
    """

    def __init__(self, run: Tracked) -> None:
        try:
            import wandb
        except ImportError as error:
            raise MissingDependencyError("wandb", "wandb", "Logging to Weights & Biases") from error
        self._run = wandb.init(
            project=run.project,
            name=run.name,
            id=run.key,
            dir=str(run.folder),
            config=dict(run.settings),
            resume="allow",
            save_code=False,
            settings=wandb.Settings(disable_git=True, disable_code=True, console="off", silent=True),
        )
        # Its own step may not go back, which a resumed run does.
        self._run.define_metric("iteration")
        self._run.define_metric("*", step_metric="iteration")

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """A point a metric."""
        self._run.log({"iteration": iteration, **metrics})

    def close(self, *, finished: bool) -> None:
        """Send or write what is left."""
        self._run.finish(exit_code=0 if finished else 1)
