"""The command by which a user names a program."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from molvm.arguments import typed
from molvm.errors import RewardError

SCRIPTS = (".py", ".sh", ".pl", ".jl", ".R")
"""Ends of names that tell a file to be run from a word, so that a missing one is noticed before the first molecule."""


@typed(remedy="a text such as 'dock.py --fast', or a list such as ['dock.py', '--fast']")
def found_program(program: str | Sequence[str]) -> tuple[str, ...]:
    """The program and its arguments, found from any directory.

    Args:
        program: As one text that is split as a shell would, or as a list. Those arguments that are files here are found
            from any directory.

    Raises:
        RewardError: It is empty, or there is no such program or script.
    """
    try:
        argv = shlex.split(program) if isinstance(program, str) else list(program)
    except ValueError as error:
        raise RewardError(
            f"The command {program!r} of a reward cannot be read: {error}.", allowed="a program and its arguments"
        ) from error
    if not argv:
        raise RewardError("The command of a reward is empty.", allowed="a program and its arguments")
    found = shutil.which(argv[0])
    if found is None:
        raise RewardError(f"The program {argv[0]!r} of a reward is not found.", remedy="its whole path, and chmod +x")
    for part in argv[1:]:
        if part.endswith(SCRIPTS) and not Path(part).is_file():
            raise RewardError(f"The script {part!r} of a reward's command does not exist.", remedy="check the path")
    return (str(Path(found).absolute()), *with_absolute_files(argv[1:]))


def with_absolute_files(parts: Sequence[str]) -> list[str]:
    """The parts of a command; those that are files here are found from any directory.

    Links are not followed: the python of a virtual environment is one.
    """
    return [str(Path(part).absolute()) if Path(part).is_file() else part for part in parts]
