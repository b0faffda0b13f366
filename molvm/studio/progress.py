"""How runs stand: one line a run, one row a round, failures by where they happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd

from molvm.errors import MolVMError
from molvm.studio.shelf import ShelvedRun

STAGE: Final = "failures."
"""What the metrics' names of failures by stage begin with."""


def overview(runs: Mapping[str, ShelvedRun]) -> pd.DataFrame:
    """One row a run: name, state, model, reward, unit, rounds, the last mean reward and KL, when it was begun.

    A run whose files are damaged has its state alone.
    """
    return pd.DataFrame([_line(run) for run in runs.values()])


def _line(run: ShelvedRun) -> dict[str, Any]:
    try:
        manifest, metrics = run.manifest, run.store.metrics()
        last: Mapping[str, Any] = metrics[-1] if metrics else {}
        return {
            "run": run.name,
            "state": run.state,
            "model": manifest.model,
            "reward": manifest.reward,
            "rounds": len(metrics),
            "mean reward": last.get("reward"),
            "unit": manifest.unit,
            "KL / nats": last.get("kl"),
            "begun": manifest.created[:16].replace("T", " "),
        }
    except MolVMError:
        return {"run": run.name, "state": "damaged"}


def metric_rows(metrics: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The metrics as a table, one row a round."""
    return pd.DataFrame(list(metrics))


def failures_by_stage(rows: pd.DataFrame) -> pd.DataFrame:
    """The mean share of molecules that failed at each stage, the commonest first: stage, share."""
    stages = [column for column in rows.columns if column.startswith(STAGE)]
    shares = rows[stages].fillna(0.0).mean().sort_values(ascending=False)
    found = pd.DataFrame({"stage": [name.removeprefix(STAGE) for name in shares.index], "share": shares.to_numpy()})
    return found[found["share"] > 0].reset_index(drop=True)
