from __future__ import annotations

import logging
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

REWARD_FILE = Path(__file__).parent / "runs" / "spread_reward.py"

Command = Callable[..., "subprocess.CompletedProcess[str]"]

SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
"""Bitwise equality needs the same number of threads, and a test should not take both cores."""


QUIET_CLUSTER: dict[str, Any] = {
    "host": "127.0.0.1",
    "protocol": "tcp",
    "dashboard_address": "127.0.0.1:0",
    "scheduler_kwargs": {"dashboard": False},
    "silence_logs": logging.CRITICAL,
}
"""Settings of a Dask cluster of this machine alone."""


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """Every test draws the same numbers, whichever ran before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _outcomes_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test is given what another has computed, or the user."""
    monkeypatch.setenv("MOLVM_OUTCOMES", str(tmp_path_factory.getbasetemp() / "outcomes" / secrets.token_hex(4)))


@pytest.fixture(scope="session")
def molvm_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment for child processes that sees no dataset of the user."""
    home = tmp_path_factory.mktemp("home")
    return {**os.environ, **SINGLE_THREADED, "MOLVM_HOME": str(home), "MOLVM_DEBUG": "0", "COLUMNS": "100"}


@pytest.fixture(scope="session")
def molvm_command(molvm_environment: dict[str, str]) -> Command:
    """Runs the command line in a process of its own."""

    def run(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "molvm.cli", *map(str, arguments)],
            env=molvm_environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory with a very small untrained model."""
    from tests.runs.tiny import save_tiny

    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def cluster_address() -> Iterator[str]:
    """A Dask cluster of two workers, processes of this machine that are started again when they die."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, **QUIET_CLUSTER) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="session")
def spread_reward() -> str:
    """A reward that untrained models earn, as one writes it on the command line."""
    return f"{REWARD_FILE}:spread"
