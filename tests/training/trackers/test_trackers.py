"""The real TensorBoard, Weights & Biases and MLflow, without a network: what a run has measured arrives there, once."""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import molvm
from molvm.errors import MissingDependencyError, MolVMError, UnknownNameError
from molvm.runs.config import LOGGERS
from molvm.training.trackers import several
from molvm.training.trackers.several import TRACKERS, Trackers, require_trackers
from molvm.training.trackers.tracked import Tracked, Tracker


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the user's settings, and no server."""
    for name, value in {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}.items():
        monkeypatch.setenv(name, value)
    for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "wandb-home"))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def of_tensorboard(folder: Path, metric: str) -> dict[int, float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "tensorboard"))
    found.Reload()
    return {event.step: event.value for event in found.Scalars(metric)}


def of_mlflow(folder: Path, metric: str) -> dict[int, float]:
    from mlflow import MlflowClient

    client: Any = MlflowClient((folder / "mlruns").as_uri())
    (experiment,) = [each for each in client.search_experiments() if each.name == "molvm"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.params["training.strength"] == "100.0"
    assert run.info.status == "FINISHED"
    return {point.step: point.value for point in client.get_metric_history(run.info.run_id, metric)}


def log_records(data: bytes) -> Iterator[bytes]:
    """The records of a LevelDB log, which W&B's files are, after their header of 7 bytes."""
    block, at, held = 32768, 7, b""
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        held += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield held
            held = b""


def of_wandb(folder: Path, metric: str) -> dict[int, float]:
    from wandb.proto.wandb_internal_pb2 import Record

    found: dict[int, float] = {}
    for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb")):
        for data in log_records(path.read_bytes()):
            items = Record.FromString(data).history.item
            row = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in items}
            if metric in row:
                found[row["iteration"]] = row[metric]
    return found


def test_all_of_them_are_told_what_a_run_measures(
    offline: None, tiny_path: Path, tmp_path: Path, spread_reward: str
) -> None:
    """Also when it goes on after a stop."""
    settings = {"batch_size": 2, "steps": 2, "value_size": "A", "workers": 1, "out": tmp_path / "run"}
    molvm.train(tiny_path, spread_reward, iterations=2, log=LOGGERS, **settings)
    run = molvm.resume(tmp_path / "run", iterations=3)
    measured = {row["iteration"]: row["reward"] for row in run.store.metrics()}
    assert sorted(measured) == [0, 1, 2]
    for read in (of_tensorboard, of_mlflow, of_wandb):
        assert read(run.path, "reward") == pytest.approx(measured, rel=1e-6), read.__name__


class Stubborn:
    """Fails at its second call."""

    def __init__(self, run: Tracked) -> None:
        self.told: list[int] = []

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        if self.told:
            raise ConnectionError("the server is gone")
        self.told.append(iteration)

    def close(self, *, finished: bool) -> None:
        raise AssertionError("it was told to be no more")


def test_one_that_fails_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    made: list[Stubborn] = []

    def make(run: Tracked) -> Tracker:
        made.append(Stubborn(run))
        return made[-1]

    monkeypatch.setattr(several, "TRACKERS", {"stubborn": make})
    trackers = Trackers(["stubborn"], Tracked("run", "key", tmp_path, "molvm", {}))
    with caplog.at_level(logging.WARNING):
        for iteration in range(3):
            trackers.log(iteration, {"loss": 0.0})
        trackers.close(finished=True)
    assert made[0].told == [0]
    assert [record.message for record in caplog.records] == [
        "stubborn is told no more: ConnectionError: the server is gone"
    ]


def test_what_cannot_be_had_is_refused_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, tiny_path: Path, tmp_path: Path
) -> None:
    assert set(LOGGERS) == set(TRACKERS)
    with pytest.raises(UnknownNameError, match="tensorboard"):
        molvm.train(tiny_path, "qed", out=tmp_path / "run", log=["tensorbord"])
    monkeypatch.setattr(several, "find_spec", lambda name: None)
    for name in LOGGERS:
        with pytest.raises(MissingDependencyError, match=rf"molvm\[{name}\]"):
            require_trackers([name])
        with pytest.raises(MolVMError, match="not installed"):
            molvm.train(tiny_path, "qed", out=tmp_path / "run", log=[name])
    assert not (tmp_path / "run").exists()
