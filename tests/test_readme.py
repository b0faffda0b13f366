"""What a newcomer does: the README from top to bottom, in a folder that holds no more than the README asks for.

The fast tests read every command as the command line does, make the settings of every training run, and look at every
link. The slow one runs everything that stands in a fence, in order, as it is written; behind a command come the options
of `SMALL`, of which the later ones win, so that nothing takes more than seconds, and in Python `SMALL_PYTHON` replaces
numbers. What is not run is listed in `NOT_RUN` with the reason, and an entry that fits nothing fails.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import typer
from ase.build import molecule as ase_molecule

from molvm.chem.io import write_sdf
from molvm.chem.molecule import Molecule
from molvm.cli.app import app
from molvm.runs.config import RunConfig
from molvm.runs.reward_source import resolve_reward
from molvm.runs.run import Run
from tests.browser.conftest import wait_for

ROOT = Path(__file__).parent.parent

README = (ROOT / "README.md").read_text(encoding="utf-8")

NOT_RUN = {
    "make run": "installs; its own two commands are run, see test_what_make_run_does",
    "make test": "would run this test",
    "PIP_EXTRA_INDEX_URL=": "installs",
    "pip install": "installs",
    "molvm data geom FOLDER": "needs files of tens of gigabytes; tests/datasets has small ones",
    "molvm train --dataset sd15": "needs published weights; tests/models/images has tiny ones",
    "molvm sample PATH": "needs published weights; tests/models/images has tiny ones",
    "dgl.molecules_to_dgl": "DGL has an environment of its own; make test-dgl",
}
"""Beginnings of what is not run, and why."""

SMALL = {
    "train": "--iterations 2 --batch-size 8 --steps 12 --value-size A",
    "sample": "-n 2 --steps 6",
    "evaluate": "-n 4",
    "trajectory": "--steps 6",
    "data qm9": "--limit 300 --workers 1",
    "data drugs": "--limit 12 --workers 1",
    "pretrain": "--steps 2 --batch-size 2",
    "models calibrate": "-n 4",
}

SMALL_PYTHON = (
    (r'recipe="few-labels"', r"\g<0>, iterations=2, batch_size=4, steps=12"),
    (r"sample\(64\)", "sample(2)"),
)

LANGUAGES = {"": "the drawing at the top", "console": "run", "python": "run"}


@dataclass(frozen=True)
class Fence:
    """A block of the README."""

    language: str
    text: str


def fences(text: str = README) -> list[Fence]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [Fence(language, body) for language, body in found]


def commands(text: str) -> list[list[str]]:
    """The words of each command of a console, without remarks."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    assert all(line.startswith("$ ") for line in lines), text
    parts = [part for line in lines for part in line[2:].split(" && ")]
    return [shlex.split(part, comments=True) for part in parts]


def reason_not_to(text: str) -> str | None:
    return next((reason for start, reason in NOT_RUN.items() if text.startswith(start)), None)


MADE = re.search(r"^run:.*?(?=^\S)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

OF_MAKE = [
    shlex.split(line.replace("$(BIN)/", "").replace("$(RUN)", "runs/demo"))
    for line in (MADE[0] if MADE else "").replace("\\\n", " ").splitlines()
    if line.strip().startswith("$(BIN)/")
]
"""What `make run` runs, once everything is installed."""

ALL = [words for fence in fences() if fence.language == "console" for words in commands(fence.text)]

OURS = [words for words in [*OF_MAKE, *ALL] if words[0] == "molvm"]


def understood(words: list[str]) -> tuple[Any, click.Context]:
    """The command and its options, as the command line reads them."""
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    return command, command.make_context(command.name, rest)


def test_every_fence_is_known() -> None:
    assert {fence.language for fence in fences()} == set(LANGUAGES)
    assert sum(not fence.language for fence in fences()) == 1
    assert README.count("\n```") == 2 * len(fences())
    assert len(OF_MAKE) == 2


@pytest.mark.parametrize("start", NOT_RUN)
def test_what_is_not_run_is_there(start: str) -> None:
    lines = [" ".join(words) for words in ALL] + [line for fence in fences() for line in fence.text.splitlines()]
    assert any(line.startswith(start) for line in lines)


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_a_command_is_understood(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command, context = understood(words)
    if command.name != "train" or context.params["resume"] is not None:
        return
    made: list[RunConfig] = []

    def create(settings: RunConfig) -> Run:
        made.append(settings)
        raise InterruptedError

    (tmp_path / "prompts.txt").write_text("a red cube\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Run, "create", create)
    with pytest.raises(InterruptedError):
        command.invoke(context)
    if reason_not_to(" ".join(words)) is None:
        assert resolve_reward(made[0].reward.name).name


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)\s]+)\)", README))))
def test_a_link_leads_somewhere(link: str) -> None:
    place, _, anchor = link.partition("#")
    assert link.startswith("https://") or (ROOT / place).exists()
    assert not anchor


@pytest.fixture
def newcomer(tmp_path: Path) -> Path:
    """A folder with what the README takes for granted: files and programs of the newcomer's own."""
    ligands = [Molecule.from_smiles(text, id=name) for text, name in (("CC(=O)O", "acid"), ("CCO", "ethanol"))]
    write_sdf(tmp_path / "ligands.sdf", ligands)
    shutil.copy(ROOT / "examples" / "program.py", tmp_path / "dock.py")
    (tmp_path / "runs").mkdir()
    return tmp_path


@pytest.fixture
def environment(molvm_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**molvm_environment, "PATH": path, "MOLVM_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}


def small(words: list[str]) -> list[str]:
    """The command as it is written, and behind it what makes it small."""
    if "--resume" in words:
        return words
    name = next(name for name in (" ".join(words[1:3]), words[1], "") if name in SMALL or not name)
    extra = SMALL.get(name, "").split()
    if "--recipe" in words:  # so that there are molecules, and something to compare
        extra += ["--steps", "40"]
    if "train" in words and not any("warmup" in word for word in words):
        extra += ["--set", "training.warmup=1"]
    if {"--exact", "--method"} & set(words):
        extra += ["--particles", "2"]
    return [*words, *extra]


def run(words: list[str], folder: Path, environment: dict[str, str]) -> None:
    if words[1] == "app":
        serve(words, folder, environment)
        return
    argv = [sys.executable, "-m", "molvm.cli", *small(words)[1:]]
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    for option, value in pairwise(words):
        if option in ("--out", "--plot", "--figure"):
            assert (folder / value).exists(), shlex.join(words)


def serve(words: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Start the studio, wait until it answers, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "molvm.cli", *words[1:], "--port", str(port)]
    with subprocess.Popen(
        argv, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as it:
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health")
            assert it.poll() is None
        finally:
            it.terminate()


def run_program(text: str, folder: Path, environment: dict[str, str]) -> None:
    """A program of its own, which the README calls tpsa.py."""
    for pattern, replacement in SMALL_PYTHON:
        text, count = re.subn(pattern, replacement, text)
        assert count == 1, pattern
    (folder / "tpsa.py").write_text(text, encoding="utf-8")
    argv = [sys.executable, "tpsa.py"]
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "best.sdf").is_file()


def run_lines(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that speak of molecules which the reader has."""
    water = Molecule.from_smiles("O", id="water")
    known = {"molecule": water, "molecules": [water], "mols": [water], "atoms": ase_molecule("H2O")}
    monkeypatch.chdir(folder)
    shutil.copy(ROOT / "examples" / "ligands.smi", folder)
    for line in text.splitlines():
        if line.strip() and reason_not_to(line) is None:
            if "ligands.mol2" in line:
                known["openbabel"].write_molecules("ligands.mol2", [water])  # type: ignore[attr-defined]
            exec(line, known)  # noqa: S102 - of the README
    assert np.isfinite(water.positions).all()
    assert (folder / "best.mol2").is_file()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_readme_runs_from_top_to_bottom(
    newcomer: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for fence in fences():
        if fence.language == "console":
            for words in commands(fence.text):
                if reason_not_to(" ".join(words)) is None:
                    assert words[0] == "molvm", words
                    run(words, newcomer, environment)
        elif fence.language == "python":
            if "import molvm\n" in fence.text:
                run_program(fence.text, newcomer, environment)
            else:
                run_lines(fence.text, newcomer, monkeypatch)


@pytest.mark.slow
def test_what_make_run_does(newcomer: Path, environment: dict[str, str]) -> None:
    for words in OF_MAKE:
        run(words, newcomer, environment)
