"""Every command that has a result gives it to programs too, and shells complete them all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from molvm.cli.answer import answer
from molvm.cli.app import app
from tests.cli.conftest import Molvm

WITHOUT_RESULT = {"app"}
"""The studio, which goes on."""


def commands(group: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name), command


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", [path for path in ALL if path[0] not in WITHOUT_RESULT], ids=" ".join)
def test_every_command_has_json(path: tuple[str, ...]) -> None:
    assert any("--json" in option.opts for option in ALL[path].params)


@pytest.mark.parametrize(
    "line",
    [
        "init",
        "data list",
        "models list",
        "models info qm9",
        "models verify digits",
        "rewards list",
        "rewards describe qed",
        "score in.smi --reward qed --out scores.csv",
        "evaluate in.smi",
        "sample {tiny} -n 2 --steps 2 --out tiny.sdf",
        "trajectory {tiny} --steps 2 --out path.sdf",
        "train --model {tiny} --reward qed --iterations 1 --batch-size 2 --steps 2 --value-size A --out run",
    ],
)
def test_stdout_is_json_and_nothing_else(molvm: Molvm, tmp_path: Path, tiny_path: Path, line: str) -> None:
    (tmp_path / "in.smi").write_text("CCO ethanol\nnothing broken\n")
    said = molvm(*line.format(tiny=tiny_path).split(), "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)


def test_the_json_of_scores_counts_failures(molvm: Molvm, tmp_path: Path) -> None:
    (tmp_path / "in.smi").write_text("CCO ethanol\nnothing broken\n")
    found = json.loads(molvm("score", "in.smi", "--reward", "qed", "--out", "scores.csv", "--json").out)
    assert found["rows"] == 2
    assert found["rewards"]["qed"]["failures"] == {"reading": 1}
    assert found["rewards"]["qed"]["mean"] == pytest.approx(0.407, abs=1e-3)


@pytest.mark.parametrize(
    ("words", "expected"), [("molvm tra", {"train", "trajectory"}), ("molvm score x --reward log", {"logp"})]
)
def test_a_shell_completes(words: str, expected: set[str]) -> None:
    program = "import sys; sys.argv = ['molvm']; from molvm.cli import main; main()"
    asked = {"_MOLVM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, text=True)
    assert set(done.stdout.split()) == expected


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are UTF-8")
def test_a_name_that_is_not_utf_8_is_no_broken_json(capsys: pytest.CaptureFixture[str]) -> None:
    name = Path(os.fsdecode(b"caf\xe9.csv"))
    answer({"table": name, "of": [str(name)]}, f"in {name}", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"table": r"caf\xe9.csv", "of": [r"caf\xe9.csv"]}
    answer({}, f"in {name}", as_json=False)
    assert capsys.readouterr().out.encode() == b"in caf\\xe9.csv\n"
