"""Ctrl-C ends what takes long without a trace, even while RDKit embeds molecules and listens for it too."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from molvm.chem.formats.smiles import parse_smiles
from tests.cli.conftest import Molvm, Said


def embed(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        parse_smiles("CCCCCCNCCCCCCc1ccccc1", "x", {})


def test_an_interrupt_while_embedding_is_not_lost() -> None:
    main = threading.get_ident()
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        embed(10.0)
    timer.join()


def test_reading_a_file_is_interrupted(tmp_path: Path, molvm_environment: dict[str, str]) -> None:
    file, out = tmp_path / "many.smi", tmp_path / "scores.csv"
    file.write_text("CCCCCCNCCCCCCc1ccccc1\n" * 5_000)
    environment = {name: value for name, value in molvm_environment.items() if name != "OMP_NUM_THREADS"}
    argv = [sys.executable, "-m", "molvm.cli", "score", str(file), "--reward", "qed", "--out", str(out)]
    with subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True) as it:
        time.sleep(4)
        it.send_signal(signal.SIGINT)
        start = time.monotonic()
        it.communicate(timeout=60)
    assert it.returncode == 130
    assert time.monotonic() - start < 30
    assert not out.exists()


SCORE = ("score", "in.smi", "--reward", "slowly.py:slow", "--workers", 1, "--out", "s.csv")

REWARD = """
from pathlib import Path

def slow(mol):
    with Path("asked").open("a") as file:
        file.write(".")
    return mol.GetNumAtoms()
"""


@contextmanager
def interrupted_bar(what: str, things: str = "") -> Iterator[Callable[[int, int], None]]:
    """Ctrl-C after three."""

    def progress(done: int, total: int, kept: int = 0) -> None:
        if done >= 3:
            raise KeyboardInterrupt

    yield progress


def asked() -> int:
    return len(Path("asked").read_text())


@pytest.fixture
def scored_in_part(molvm: Molvm, monkeypatch: pytest.MonkeyPatch) -> Said:
    """A scoring of eight molecules, interrupted after three."""
    Path("in.smi").write_text("".join("C" * length + "\n" for length in range(1, 9)))
    Path("slowly.py").write_text(REWARD)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("slowly", None)
    with monkeypatch.context() as patch:
        patch.setattr("molvm.cli.console.counting_bar", interrupted_bar)
        said = molvm(*SCORE)
    sys.modules.pop("slowly", None)
    return said


def test_an_interrupted_scoring_goes_on(molvm: Molvm, scored_in_part: Said) -> None:
    assert scored_in_part.code == 130
    assert "Interrupted. s.csv is not written; " in scored_in_part.err
    assert "s.csv.unfinished: the same command goes on" in scored_in_part.err
    assert not Path("s.csv").exists()
    kept = len(list(Path("s.csv.unfinished").glob("??/*.json")))
    assert kept >= 2
    Path("asked").write_text("")
    again = molvm(*SCORE)
    assert again.code == 0
    assert f"{kept} outcomes of an interrupted scoring" in again.err
    assert asked() == 8 - kept
    assert [row.split(",")[2] for row in Path("s.csv").read_text().splitlines()[1:]] == [
        str(float(3 * length + 2)) for length in range(1, 9)
    ]
    assert not Path("s.csv.unfinished").exists()
    assert molvm(*SCORE, "--overwrite").code == 0
    assert asked() == 16 - kept, "a function is asked again by the next scoring"


@pytest.mark.parametrize("other", ["another text", "another file", "nothing kept"])
def test_what_another_reward_said_is_not_taken(molvm: Molvm, scored_in_part: Said, other: str) -> None:
    assert scored_in_part.code == 130
    command = list(SCORE)
    if other == "another text":
        command[3] = "./slowly.py:slow"
    elif other == "another file":
        Path("slowly.py").write_text(REWARD + "\n")
    else:
        command.append("--no-cache")
    Path("asked").write_text("")
    assert molvm(*command).code == 0
    assert asked() == 8


def test_without_the_folder_of_outcomes_nothing_is_kept(molvm: Molvm, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in.smi").write_text("C\nCC\nCCC\nCCCC\n")
    monkeypatch.setattr("molvm.cli.console.counting_bar", interrupted_bar)
    said = molvm("score", "in.smi", "--reward", "qed", "--workers", 1, "--out", "s.csv", "--no-cache")
    assert said.code == 130
    assert "with --no-cache no outcome is kept" in said.err
    assert [path.name for path in Path().iterdir()] == ["in.smi"]


def test_an_interrupted_sampling_goes_on(molvm: Molvm, monkeypatch: pytest.MonkeyPatch, tiny_path: Path) -> None:
    command = ("sample", tiny_path, "-n", 3, "--steps", 2, "--batch-size", 1, "--seed", 5)
    with monkeypatch.context() as patch:
        patch.setattr("molvm.cli.console.counting_bar", interrupted_bar)
        said = molvm(*command, "--out", "a.sdf")
    assert said.code == 130
    assert "Interrupted. a.sdf is not written; 1 sample in a.sdf.unfinished: the same command goes on." in said.err
    other = molvm(*command, "--steps", 3, "--out", "a.sdf")
    assert other.code == 2
    assert "a.sdf.unfinished holds samples of an interrupted command with another steps" in other.err
    again = molvm(*command, "--out", "a.sdf")
    assert again.code == 0, again.err
    assert "1 molecule of an interrupted drawing taken from a.sdf.unfinished" in again.err
    assert molvm(*command, "--out", "b.sdf").code == 0
    assert Path("a.sdf").read_bytes() == Path("b.sdf").read_bytes()
    assert sorted(path.name for path in Path().iterdir()) == ["a.sdf", "b.sdf"]


def test_an_interrupt_in_the_first_batch_says_what_would_be_kept(
    molvm: Molvm, monkeypatch: pytest.MonkeyPatch, tiny_path: Path
) -> None:
    monkeypatch.setattr("molvm.cli.console.counting_bar", interrupted_bar)
    said = molvm("sample", tiny_path, "-n", 3, "--steps", 2, "--out", "a.sdf")
    assert said.code == 130
    assert "a.sdf is not written, and no batch is finished: a smaller --batch-size" in said.err
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("trajectory", "drugs", "--out", "a.sdf"), "a.sdf is not written"),
        (("evaluate", "drugs", "--out", "a.json"), "Nothing is written"),
    ],
)
def test_what_is_drawn_in_one_go_says_that_nothing_is_kept(
    molvm: Molvm, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], words: str
) -> None:
    def interrupted(*arguments: object, **dials: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("molvm.runs.path.draw_path", interrupted)
    monkeypatch.setattr("molvm.cli.molecules.molecules_of", interrupted)
    said = molvm(*command)
    assert said.code == 130
    assert f"Interrupted. {words}" in said.err
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        (
            ("data", "qm9", "--limit", 20, "--workers", 1, "--out", "some"),
            "some is not written: the same command begins",
        ),
        (("models", "calibrate", "tiny", "-n", 4), "tiny is as it was: the same command begins again"),
    ],
    ids=["a dataset", "a calibration"],
)
def test_what_begins_again_says_so(
    molvm: Molvm, monkeypatch: pytest.MonkeyPatch, tiny_path: Path, command: tuple[str | int, ...], kept: str
) -> None:
    monkeypatch.setattr("molvm.cli.console.counting_bar", interrupted_bar)
    shutil.copytree(tiny_path, "tiny")
    before = sorted(Path("tiny").rglob("*"))
    said = molvm(*command)
    assert said.code == 130
    assert f"Interrupted. {kept}" in said.err
    assert not Path("some").exists()
    assert sorted(Path("tiny").rglob("*")) == before
