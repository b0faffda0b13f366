"""The command line: one thin file a command, and one place where errors become messages."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

DEBUG_VARIABLE = "MOLVM_DEBUG"
"""Set to 1, errors show where in the code they come from."""


def main() -> None:
    """Run the command line; exits 2 with one message for every error that is the user's to mend."""
    # Two OpenMP programs that spin on two cores take six times as long; it is read once, when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        _run()
    except KeyboardInterrupt:  # before typer listens: while the commands are imported
        sys.exit(128 + signal.SIGINT)


def _run() -> None:
    from molvm.cli.allocator import keep_freed_memory
    from molvm.cli.app import app
    from molvm.errors import MolVMError
    from molvm.legible import is_legible, legible

    keep_freed_memory()
    try:
        app()
    except MolVMError as error:
        if os.environ.get(DEBUG_VARIABLE, "") not in ("", "0"):
            raise
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(error.exit_code)
    except UnicodeEncodeError as error:
        names = [word for word in (*sys.argv[1:], Path.cwd()) if not is_legible(word)]
        if not names:
            raise
        sys.stderr.write(
            f"Error: The name '{legible(names[0])}' is not UTF-8 ({error.reason}). Try: another name for it.\n"
        )
        sys.exit(2)
