"""The documentation says what is so: its examples run, its commands exist. `make docs` builds it without warnings."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from molvm.cli.app import app

ROOT = Path(__file__).parent.parent

PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)

WITH_EXAMPLES = [path for path in PAGES if ">>>" in path.read_text(encoding="utf-8")]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=name)
def test_examples_give_what_is_printed(path: Path) -> None:
    # The end of a block of Markdown is no output.
    text = re.sub(r"^```.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    told: list[str] = []
    runner.run(examples, out=told.append)
    assert runner.failures == 0, "".join(told)
    assert runner.tries > 0


def commands(text: str) -> list[list[str]]:
    """The calls of molvm in the consoles of a page, continued lines joined, without remarks."""
    blocks = re.findall(r"^```console\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("molvm ")]


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=name)
def test_commands_and_options_exist(path: Path) -> None:
    for words in commands(path.read_text(encoding="utf-8")):
        command: Any = typer.main.get_command(app)
        rest = list(words)
        while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
            assert rest[0] in command.commands, words
            command = command.commands[rest.pop(0)]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        used = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
        assert used <= known, words


def test_the_consoles_are_found() -> None:
    assert commands("```console\n$ molvm score a.sdf \\\n    --out b  # remark\n```\n") == [
        ["score", "a.sdf", "--out", "b"]
    ]
    assert sum(len(commands(path.read_text(encoding="utf-8"))) for path in PAGES) > 20
