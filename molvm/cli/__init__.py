"""The command line: one thin file a command, and one place where errors become messages."""

from __future__ import annotations

import os
import signal
import sys

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

    keep_freed_memory()
    try:
        app()
    except MolVMError as error:
        if os.environ.get(DEBUG_VARIABLE, "") not in ("", "0"):
            raise
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(error.exit_code)
    except UnicodeEncodeError as error:
        names = [word for word in sys.argv[1:] if not _is_utf8(word)]
        if not names:
            raise
        shown = ascii(os.fsencode(names[0]))[1:]
        sys.stderr.write(f"Error: The name {shown} is not UTF-8 ({error.reason}). Try: another name for it.\n")
        sys.exit(2)


def _is_utf8(word: str) -> bool:
    """Whether Python has not had to stand in for bytes of it."""
    return word == word.encode("utf-8", "replace").decode()
