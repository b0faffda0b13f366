"""A run that is killed, stopped or damaged goes on as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

import molvm
from molvm.errors import CheckpointError, OutputExistsError
from molvm.runs.progress import Silence
from molvm.runs.run import Run
from molvm.training.checkpoint import load_checkpoint
from molvm.training.trainer import Iteration
from tests.conftest import Command
from tests.runs.spread_reward import sleepy

DRIVER = Path(__file__).with_name("killed_command.py")

ITERATIONS = 7

KILLS = (
    # Mid-checkpoint: the tensors are there, the manifest is not.
    ("molvm.training.checkpoint:save_file", 1, "after"),
    # The molecules of an iteration are recorded, its metrics are not.
    ("molvm.runs.store:JsonLinesLogger.log", 2, "before"),
    # The weights have moved, and nothing is recorded.
    ("molvm.training.trainer:Trainer._learn", 3, "after"),
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As many threads as the commands have: sums are only then the same to the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


START = Callable[[Path], "list[object]"]


@pytest.fixture(scope="module")
def start(tiny_path: Path, spread_reward: str) -> START:
    def arguments(out: Path) -> list[object]:
        sizes: list[object] = ["--iterations", ITERATIONS, "--batch-size", 6, "--steps", 20, "--value-size", "A"]
        settings = [
            "--set",
            "training.checkpoint_every=2",
            "--set",
            "reward.workers=1",
            "--set",
            "training.learning_rate=0.01",
        ]
        return [
            "train",
            "--model",
            tiny_path,
            "--reward",
            spread_reward,
            "--strength",
            2,
            *sizes,
            *settings,
            "--out",
            out,
        ]

    return arguments


@pytest.fixture(scope="module")
def whole(start: START, molvm_command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing happened to."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    finished = molvm_command(*start(path))
    assert finished.returncode == 0, finished.stderr
    return path


@pytest.fixture
def halfway(whole: Path, tmp_path: Path) -> Path:
    """A copy of the run, set back to the state in which it had finished 6 of its 7 iterations."""
    path = tmp_path / "halfway"
    shutil.copytree(whole, path)
    shutil.rmtree(path / "checkpoints" / f"step-{ITERATIONS:08d}")
    return path


def learned(path: Path) -> bytes:
    newest = max((path / "checkpoints").glob("step-*"))
    assert newest.name == f"step-{ITERATIONS:08d}"
    return (newest / "tensors.safetensors").read_bytes()


def metrics(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if not key.startswith("seconds")} for row in rows]


def molecules(path: Path) -> list[dict[str, Any]]:
    parts = sorted((path / "molecules").glob("iteration-*.parquet"))
    return [row for part in parts for row in pq.read_table(part).drop(["seconds"]).to_pylist()]


def assert_same(path: Path, whole: Path) -> None:
    assert learned(path) == learned(whole)
    assert metrics(path) == metrics(whole)
    assert molecules(path) == molecules(whole)
    assert (path / "best.sdf").read_bytes() == (whole / "best.sdf").read_bytes()


def test_a_run_killed_at_three_points_ends_with_the_same_weights(
    start: START, whole: Path, molvm_command: Command, molvm_environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "killed"
    reached = []
    for kill, arguments in zip(KILLS, [start(path), *[["train", "--resume", path]] * 2], strict=True):
        command = [sys.executable, DRIVER, *kill, *arguments]
        killed = subprocess.run(
            [*map(str, command)], env=molvm_environment, capture_output=True, text=True, timeout=120
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        reached.append(len((path / "metrics.jsonl").read_text().splitlines()))
    # Each kill left records that are ahead of the checkpoint, or none; all of that has to be made again.
    assert reached == [2, 1, 2]
    resumed = molvm_command("train", "--resume", path)
    assert resumed.returncode == 0, resumed.stderr
    assert_same(path, whole)
    sessions = Run.open(path).manifest.sessions
    assert [session.status for session in sessions] == ["running", "running", "running", "finished"]


def test_the_weights_have_moved(whole: Path) -> None:
    """Or else the comparison above would mean nothing."""
    assert metrics(whole)[-1]["kl"] > 0
    assert len({row["reward"] for row in metrics(whole)}) == ITERATIONS


@pytest.mark.parametrize("damage", ["cut", "flip", "no manifest", "empty"])
def test_a_damaged_checkpoint_is_skipped_and_named(
    halfway: Path, whole: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    newest = halfway / "checkpoints" / "step-00000006"
    previous = halfway / "checkpoints" / "step-00000004"
    shutil.copytree(newest, previous)
    _back_to_four(previous, whole)
    spoil(newest, damage)
    assert Run.open(halfway).train() == 0
    assert "step-00000006" in caplog.text
    assert "step-00000004" in caplog.text
    assert_same(halfway, whole)


def test_the_command_says_that_a_checkpoint_is_damaged(halfway: Path, molvm_command: Command) -> None:
    for checkpoint in (halfway / "checkpoints").iterdir():
        shutil.copytree(checkpoint, checkpoint.with_name("step-00000099"))
    spoil(halfway / "checkpoints" / "step-00000099", "flip")
    resumed = molvm_command("train", "--resume", halfway)
    assert resumed.returncode == 0
    assert "step-00000099 is damaged" in resumed.stderr
    assert "Falling back to step-00000006" in resumed.stderr


def test_another_number_of_threads_is_warned_about(halfway: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.set_num_threads(2)
    try:
        assert Run.open(halfway).train() == 0
    finally:
        torch.set_num_threads(1)
    assert "torch has 2 threads now and had [1] before" in caplog.text


def _back_to_four(checkpoint: Path, whole: Path) -> None:
    """Make the checkpoint that the run had after four iterations, by a run of four."""
    four = checkpoint.parents[1].with_name("four")
    run = Run.open(whole)
    shorter = Run.create(run.config.model_copy(update={"out": four}))
    stopper = StopAfter(4, signal.SIGTERM)
    assert shorter.train(stopper) == 143
    shutil.rmtree(checkpoint)
    shutil.copytree(four / "checkpoints" / checkpoint.name, checkpoint)


def spoil(checkpoint: Path, damage: str) -> None:
    tensors = checkpoint / "tensors.safetensors"
    content = tensors.read_bytes()
    if damage == "cut":
        tensors.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        tensors.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "empty":
        tensors.write_bytes(b"")
    else:
        (checkpoint / "manifest.json").unlink()


def test_without_a_whole_checkpoint_nothing_is_touched(halfway: Path) -> None:
    for checkpoint in (halfway / "checkpoints").iterdir():
        spoil(checkpoint, "cut")
    before = {path: path.read_bytes() for path in halfway.rglob("*") if path.is_file()}
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        Run.open(halfway).train()
    assert {path: path.read_bytes() for path in halfway.rglob("*") if path.is_file()} == before


class StopAfter(Silence):
    """Sends this process a signal once so many iterations are finished, at once or in the next rollout or scoring."""

    def __init__(self, iterations: int, signum: signal.Signals, where: str = "iteration") -> None:
        self.iterations, self.signum, self.where = iterations, signum, where
        self.finished = 0

    def iteration(self, report: Iteration) -> None:
        self.finished = report.index + 1
        self._strike("iteration")

    def step(self, done: int, steps: int) -> None:
        if done == 2:
            self._strike("step")

    def scored(self, done: int, count: int) -> None:
        if done == 3:
            self._strike("scored")

    def _strike(self, where: str) -> None:
        if where == self.where and self.finished == self.iterations:
            os.kill(os.getpid(), self.signum)
            self.iterations = -1


@pytest.mark.parametrize(("signum", "exception"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_python_sees_a_stop_as_an_exception(
    halfway: Path, signum: signal.Signals, exception: type[BaseException]
) -> None:
    with pytest.raises(exception):
        molvm.resume(halfway, iterations=9, progress=StopAfter(8, signum))
    assert len(Run.open(halfway).metrics()) == 8


@pytest.mark.parametrize("where", ["iteration", "step", "scored"])
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_checkpoint_of_the_last_finished_iteration(
    whole: Path, tmp_path: Path, where: str, signum: signal.Signals, code: int
) -> None:
    run = Run.create(Run.open(whole).config.model_copy(update={"out": tmp_path / "stopped"}))
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert run.train(StopAfter(3, signum, where)) == code
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert load_checkpoint(run.directory.checkpoints).step == 3
    assert len(run.metrics()) == 3
    assert run.manifest.status == "interrupted"
    assert Run.open(run.path).train() == 0
    assert_same(run.path, whole)


class StopSoonAfterRollout(Silence):
    """Sends this process a SIGTERM while the first molecules are scored."""

    struck: float | None = None

    def step(self, done: int, steps: int) -> None:
        if done == steps and self.struck is None:
            self.struck = time.monotonic()
            threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()


def test_a_signal_does_not_wait_for_a_slow_reward(whole: Path, tmp_path: Path) -> None:
    config = Run.open(whole).config.model_copy(update={"out": tmp_path / "slow"})
    run, progress = Run.create(config, reward=sleepy), StopSoonAfterRollout()
    assert run.train(progress) == 143
    assert progress.struck is not None
    assert time.monotonic() - progress.struck < 20.0


def test_the_command_exits_143_after_sigterm(
    start: START, molvm_environment: dict[str, str], tmp_path: Path, whole: Path
) -> None:
    path = tmp_path / "terminated"
    command = [sys.executable, "-m", "molvm.cli", *map(str, start(path)), "--set", "training.iterations=100000"]
    with subprocess.Popen(command, env=molvm_environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "iteration 1/" in line:
                break
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert f"molvm train --resume {path}" in errors
    run = Run.open(path)
    assert load_checkpoint(run.directory.checkpoints).step == len(run.metrics()) >= 1
    assert metrics(path)[0] == metrics(whole)[0]


def test_two_processes_cannot_write_one_run(halfway: Path) -> None:
    run = Run.open(halfway)
    with run.directory.exclusive(), pytest.raises(OutputExistsError, match="Another process"):
        Run.open(halfway).train()


def test_a_finished_run_stays_as_it_is(halfway: Path, whole: Path) -> None:
    shutil.rmtree(halfway)
    shutil.copytree(whole, halfway)
    assert Run.open(halfway).train() == 0
    assert_same(halfway, whole)
