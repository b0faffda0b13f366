"""What messages tell a user to type works for every name of a file."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from molvm.errors import CheckpointError, MolVMError
from molvm.programs.pasted import pasted
from molvm.runs.directory import RunDirectory
from molvm.runs.pretraining import _resumed
from molvm.training.checkpoint import save_checkpoint
from tests.test_architecture import FILES, ROOT, module_name

AWKWARD = (
    "plain",
    "two words",
    "it's",
    'a "quote"',
    "$HOME",
    "semi;colon",
    "-dash",
    "`tick`",
    "a\\b",
    "line\nbreak",
    "é",
    os.fsdecode(b"not \xff UTF-8"),
)

SOURCES = [*FILES, *sorted((ROOT.parent / "apps").rglob("*.py"))]

COMMAND = re.compile(r"(\bmolvm [a-z]+[^`]*|\bpython3?|--[a-z-]+) $")
"""The end of a text behind which an argument of a command stands."""

NAMES = {"PACKAGE", "dataset", "name"}
"""What messages call the names of datasets and packages, which are no paths."""


@pytest.mark.parametrize("name", AWKWARD)
def test_a_shell_reads_back_what_was_meant(name: str) -> None:
    line = pasted("printf '%s\\0'", Path("runs") / name, name, Path(name))
    assert line.isprintable()
    said = subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
    first, second, third, _ = map(os.fsdecode, said.split(b"\0"))
    assert (first, second) == (f"runs/{name}", name)
    assert Path(third) == Path(name)
    assert not third.startswith("-")


def unquoted(source: str) -> Iterator[str]:
    """Every value that an f-string puts into a command as it is."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for before, value in zip(node.values, node.values[1:], strict=False):
            if isinstance(before, ast.Constant) and isinstance(value, ast.FormattedValue):
                text, given = str(before.value), ast.unparse(value.value)
                if COMMAND.search(text) and given not in NAMES:
                    yield f"{node.lineno}: {text}{given}"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_no_message_puts_a_path_into_a_command_as_it_is(path: Path) -> None:
    assert list(unquoted(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line", ["f'`molvm train --resume {path}`'", "f'that, or --from {path}'", "f'`python {path}`'"]
)
def test_the_law_finds_what_it_forbids(line: str) -> None:
    assert list(unquoted(line))


@pytest.mark.parametrize("name", ["two words", "it's"])
def test_a_directory_that_is_in_use_says_how_to_go_on(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    directory = RunDirectory(tmp_path / name)
    directory.begin("molecules")
    directory.manifest.write_text("{}", encoding="utf-8")
    directory.config.write_text("", encoding="utf-8")
    with pytest.raises(MolVMError) as caught:
        directory.require_free()
    assert in_message(caught.value) == ["molvm", "train", "--resume", str(tmp_path / name)]


def test_checkpoints_of_a_run_are_gone_on_with_by_training(tmp_path: Path) -> None:
    out = tmp_path / "two words"
    save_checkpoint(out / "checkpoints", 1, {}, {"kind": "training"})
    with pytest.raises(CheckpointError) as caught:
        _resumed(out, {})
    assert in_message(caught.value) == ["molvm", "train", "--resume", str(out)]


def in_message(error: MolVMError) -> list[str]:
    """The words of the command that an error says to try, as a shell reads them."""
    return shlex.split(str(error.remedy).split("`")[1])
