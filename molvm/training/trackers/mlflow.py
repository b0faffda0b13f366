"""MLflow: the server of MLFLOW_TRACKING_URI, else files in the run's folder `mlruns`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from molvm.errors import MissingDependencyError
from molvm.training.trackers.tracked import Tracked

KEY_TAG = "molvm.run"

LONGEST_PARAMETER = 500
"""Characters that every server takes."""


class MlflowTracker:
    """Logs to a run of MLflow; a resumed run goes on in the same one.

    Args:
        run: What is tracked.

    Raises:
        MissingDependencyError: mlflow is not installed.
    """

    def __init__(self, run: Tracked) -> None:
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise MissingDependencyError("mlflow-skinny", "mlflow", "Logging to MLflow") from error
        address = os.environ.get("MLFLOW_TRACKING_URI")
        if address is None:
            # MLflow asks for this before it writes plain files, which need no database.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            address = (run.folder / "mlruns").resolve().as_uri()
        self._client: Any = MlflowClient(address)
        self._id = self._earlier(run) or self._begun(run)
        self._client.update_run(self._id, status="RUNNING")

    def _experiment(self, run: Tracked) -> str:
        found = self._client.get_experiment_by_name(run.project)
        return str(self._client.create_experiment(run.project) if found is None else found.experiment_id)

    def _earlier(self, run: Tracked) -> str | None:
        found = self._client.search_runs([self._experiment(run)], f"tags.`{KEY_TAG}` = '{run.key}'", max_results=1)
        return str(found[0].info.run_id) if found else None

    def _begun(self, run: Tracked) -> str:
        made = self._client.create_run(self._experiment(run), run_name=run.name, tags={KEY_TAG: run.key})
        for name, value in run.settings.items():
            self._client.log_param(made.info.run_id, name, str(value)[:LONGEST_PARAMETER])
        return str(made.info.run_id)

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """A point a metric."""
        for name, value in metrics.items():
            self._client.log_metric(self._id, name, value, step=iteration)

    def close(self, *, finished: bool) -> None:
        """Say how the run has ended."""
        self._client.set_terminated(self._id, "FINISHED" if finished else "KILLED")
