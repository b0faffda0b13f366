"""`--workers`: processes of this machine or a cluster, with the same results."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Molvm

SMALL = "--strength 2 --iterations 1 --batch-size 4 --steps 20 --value-size A --seed 7"


@pytest.fixture
def dask_address(cluster_address: str) -> str:
    return cluster_address.replace("tcp://", "dask://")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


def metrics(run: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if "seconds" not in key} for line in lines]


def test_a_file_scores_alike_here_and_on_a_cluster(
    molvm: Molvm, tmp_path: Path, dask_address: str, spread_reward: str
) -> None:
    (tmp_path / "in.smi").write_text("CCO ethanol\nnonsense bad\nc1ccccc1\n[Na+].[Cl-] salt\n")
    for name, workers in (("here.csv", 1), ("there.csv", dask_address)):
        rewards = ("--reward", "qed", "--reward", spread_reward)
        said = molvm("score", "in.smi", *rewards, "--workers", workers, "--out", name)
        assert said.code == 0, said.err
        assert "distributed" not in said.err
    assert table(tmp_path / "here.csv") == table(tmp_path / "there.csv")


def test_a_run_moves_between_a_cluster_and_this_machine(
    molvm: Molvm, tmp_path: Path, tiny_path: Path, dask_address: str, spread_reward: str
) -> None:
    train = ("train", "--model", tiny_path, "--reward", spread_reward, *SMALL.split())
    said = molvm(*train, "--workers", dask_address, "--out", "moved")
    assert said.code == 0, said.err
    assert tomllib.loads((tmp_path / "moved" / "resolved.toml").read_text())["reward"]["workers"] == dask_address
    said = molvm("train", "--resume", "moved", "--iterations", 2, "--workers", 1)
    assert said.code == 0, said.err
    assert tomllib.loads((tmp_path / "moved" / "resolved.toml").read_text())["reward"]["workers"] == 1
    manifest = json.loads((tmp_path / "moved" / "manifest.json").read_text())
    assert [session["workers"] for session in manifest["sessions"]] == [dask_address, 1]

    assert molvm(*train, "--workers", 1, "--out", "stayed").code == 0
    assert molvm("train", "--resume", "stayed", "--iterations", 2).code == 0
    assert metrics(tmp_path / "moved") == metrics(tmp_path / "stayed")

    for name, workers in (("a.sdf", 1), ("b.sdf", dask_address)):
        said = molvm("sample", "moved", "-n", 3, "--score", "--workers", workers, "--out", name)
        assert said.code == 0, said.err
    assert (tmp_path / "a.sdf").read_bytes() == (tmp_path / "b.sdf").read_bytes()
    said = molvm("evaluate", "a.sdf", "--strain", "--workers", dask_address)
    assert said.code == 0, said.err


def test_a_cluster_that_is_not_there_leaves_no_run(
    molvm: Molvm, tmp_path: Path, tiny_path: Path, spread_reward: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("molvm.rewards.cluster.connection.CONNECT_SECONDS", 0.5)
    train = ("train", "--model", tiny_path, "--reward", spread_reward, *SMALL.split(), "--out", "run")
    said = molvm(*train, "--workers", "dask://127.0.0.1:1")
    assert said.code == 2
    assert "cannot be reached" in said.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("workers", ["0", "many", "host:8786", "1.5"])
def test_senseless_workers_are_refused(molvm: Molvm, tmp_path: Path, tiny_path: Path, workers: str) -> None:
    (tmp_path / "in.smi").write_text("CCO\n")
    for command in (
        ("score", "in.smi", "--reward", "qed", "--out", "a.csv"),
        ("train", "--model", tiny_path, "--reward", "qed", "--out", "run"),
        ("evaluate", "in.smi"),
    ):
        said = molvm(*command, "--workers", workers)
        assert said.code == 2
        assert "dask://host:port" in said.err
    said = molvm("train", "--model", tiny_path, "--set", f"reward.workers={workers}", "--out", "run")
    assert "reward.workers" in said.err
    assert not (tmp_path / "run").exists()
