"""Keep a library that prints and writes files from being seen."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

STDOUT, STDERR = 1, 2


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Send what the process writes to its standard output and error to nowhere.

    At the level of file descriptors, because Fortran does not know Python's streams. It holds for the whole process,
    other threads included, so it belongs into worker processes and short calls.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(stream) for stream in (STDOUT, STDERR)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (STDOUT, STDERR):
            os.dup2(nowhere, stream)
        yield
    finally:
        for copy, stream in zip(saved, (STDOUT, STDERR), strict=True):
            os.dup2(copy, stream)
            os.close(copy)
        os.close(nowhere)


@contextlib.contextmanager
def private_directory() -> Iterator[None]:
    """Work in a directory of one's own that vanishes afterwards. It holds for the whole process."""
    with tempfile.TemporaryDirectory(prefix="molvm-engine-") as path, contextlib.chdir(path):
        yield
