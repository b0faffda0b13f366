"""Files and directories that are either the old or the new, never half of one."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from molvm.errors import OutputExistsError
from molvm.programs.pasted import pasted

REMEDY = "some free space, and a folder that exists and that you may write to"


@contextmanager
def writing(path: Path, remedy: str = REMEDY) -> Iterator[None]:
    """Say of every error of the system that `path` cannot be written.

    Args:
        path: What is being written.
        remedy: What the user can do about it.

    Raises:
        OutputExistsError: The system did not do what the block wants.
    """
    try:
        yield
    except OSError as error:
        raise OutputExistsError(f"{path} cannot be written: {error.strerror or error}.", remedy=remedy) from error


@contextmanager
def exclusive(lock: Path, what: str, remedy: str = REMEDY) -> Iterator[None]:
    """Keep other processes from doing the same; the lock ends with the process, however it ends.

    Args:
        lock: A file in a folder that exists; it is made, and stays.
        what: What is being done, for the message to whoever comes second.
        remedy: What the user can do when the file cannot be written.

    Raises:
        OutputExistsError: Another process holds the lock, or the file cannot be written.
    """
    with writing(lock.parent, remedy):
        file = lock.open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputExistsError(f"Another process is {what}.", remedy="waiting for it, or ending it") from error
        yield


@contextmanager
def published(path: Path, *, overwrite: bool = False, parents: bool = False) -> Iterator[Path]:
    """A free path beside `path`; what the block makes there takes the name `path` when the block ends well.

    Args:
        path: The file or directory to make.
        overwrite: Whether an existing file may be replaced; directories never are.
        parents: Whether to make the folders above it.

    Yields:
        Where to write; nothing of it is left if the block fails.

    Raises:
        OutputExistsError: There is something at `path`, or it cannot be written.
    """
    if not overwrite:
        refuse_existing(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with writing(path):
        try:
            if parents:
                path.parent.mkdir(parents=True, exist_ok=True)
            yield part
            _flush(part)
            if not overwrite:
                refuse_existing(path)
            part.replace(path)
        finally:
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a small text file, or replace it.

    Raises:
        OutputExistsError: It cannot be written.
    """
    with published(path, overwrite=True) as part:
        part.write_text(text, encoding="utf-8")


def refuse_existing(path: Path) -> None:
    """Raises OutputExistsError if there is anything at `path`."""
    if path.exists() or path.is_symlink():
        raise OutputExistsError(
            f"There is something at {path} already.",
            remedy="another name, or removing it first; some commands have --overwrite",
        )


def require_writable(path: Path, *, overwrite: bool = False, parents: bool = False) -> None:
    """Make sure, before long work, that its result can be written; nothing is left behind.

    Args:
        path: The file or directory that is going to be written.
        overwrite: Whether an existing file may be replaced.
        parents: Whether the folders above it are going to be made.

    Raises:
        OutputExistsError: There is something at `path`, or it cannot be written.
    """
    if not overwrite:
        refuse_existing(path)
    if path.is_dir():
        raise OutputExistsError(f"{path} is a directory.", allowed="the name of a file")
    folder = path.absolute().parent
    while parents and not folder.exists():
        folder = folder.parent
    if not folder.exists():
        words = f"{path} cannot be written: there is no folder {folder}."
        raise OutputExistsError(words, remedy=f"`{pasted('mkdir -p', folder)}`")
    with writing(path), tempfile.TemporaryFile(dir=folder):
        pass


def _flush(path: Path) -> None:
    """Have the system put a file, or the files of a directory, onto the disk."""
    for each in (*path.iterdir(), path) if path.is_dir() else (path,):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
