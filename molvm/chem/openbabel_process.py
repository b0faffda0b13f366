"""Asks Open Babel in a process of its own: what it does there, crash included, it does not do to molvm."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from molvm.errors import InteropError, MissingDependencyError

WORKER: Final = Path(__file__).with_name("openbabel_worker.py")


def worker_command() -> list[str]:
    """What starts the process; it answers a line of JSON with a line of JSON, until there are no more."""
    # -P: the worker's own folder, with modules named like the packages they serve, is not searched for imports.
    return [sys.executable, "-P", str(WORKER)]


def ask(request: dict[str, Any], *, what: str, timeout: float) -> dict[str, Any]:
    """Open Babel's reply to one request.

    Args:
        request: For the worker, with its `verb`.
        what: What is being done, for messages, such as "Reading x.mol2 with Open Babel".
        timeout: Seconds until the process is ended.

    Raises:
        MissingDependencyError: Open Babel is not installed.
        InteropError: It crashed, took too long, or refused.
    """
    try:
        done = subprocess.run(
            worker_command(),
            input=json.dumps(request),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InteropError(
            f"{what} took longer than {timeout:g} s.", remedy="a longer timeout, or less at once"
        ) from error
    if done.returncode != 0:
        raise InteropError(
            f"{what} failed: its process ended with status {done.returncode}. {_last_line(done.stderr)}".strip(),
            remedy="another format, or one molecule at a time to find the one that it cannot take",
        )
    return taken(done.stdout, what=what)


def taken(answer: str | bytes, *, what: str) -> dict[str, Any]:
    """The reply in a line that the process wrote.

    Args:
        answer: The line.
        what: What was being done, for messages.

    Raises:
        MissingDependencyError: Open Babel is not installed.
        InteropError: It refused.
    """
    reply: dict[str, Any] = json.loads(answer)
    if "missing" in reply:
        raise MissingDependencyError("openbabel-wheel", "obabel", what)
    if "refused" in reply:
        raise InteropError(f"{what} failed: {reply['refused']}.", remedy="another format, or another molecule")
    return reply


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else ""
