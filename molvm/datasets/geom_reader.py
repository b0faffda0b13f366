"""A process that reads one of MiDi's pickles and hands on its molecules, some at a time, as plain bytes."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from molvm.datasets.inert_pickle import FAULTS, molecule_bytes, stream_list
from molvm.errors import InputFileError

FORMAT: Final = "a list of (SMILES, [RDKit molecules]), as MiDi publishes GEOM-Drugs"


@dataclass(frozen=True)
class Portion:
    """Some successive molecules of a pickle.

    Attributes:
        number: Of the portion within its file, from 0.
        count: How many molecules.
        position: How many bytes of the file are read by now.
        conformers: RDKit's binary form of their conformers; None for a portion that was not asked for.
    """

    number: int
    count: int
    position: int
    conformers: tuple[tuple[bytes, ...], ...] | None


class _Enough(Exception):  # noqa: N818 # no error
    """So many molecules were wanted, and are there."""


def read_portions(
    path: Path, size: int, *, known: frozenset[int], conformers: int | None = None, limit: int | None = None
) -> Iterator[Portion]:
    """The molecules of a pickle, read in another process.

    Args:
        path: The pickle.
        size: Molecules in a portion; the last may have fewer.
        known: Numbers of portions whose molecules are not wanted.
        conformers: How many conformers of a molecule to hand on, in the order of the file; None for all.
        limit: Read only so many molecules.

    Raises:
        InputFileError: The file is damaged or something else, or the process that reads it died.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    reader = context.Process(target=_read, args=(theirs, path, size, known, conformers, limit), daemon=True)
    reader.start()
    theirs.close()
    try:
        while True:
            header = json.loads(ours.recv_bytes())
            if "fault" in header:
                raise InputFileError(f"{path} cannot be used: {header['fault']}.", allowed=FORMAT)
            if "end" in header:
                return
            yield _portion(header, ours)
    except EOFError as error:
        raise InputFileError(f"The process that reads {path} died.", remedy="more memory") from error
    finally:
        ours.close()
        reader.terminate()
        reader.join()


def _portion(header: dict[str, Any], connection: Connection) -> Portion:
    lengths = header["lengths"]
    conformers: tuple[tuple[bytes, ...], ...] | None = None
    if lengths is not None:
        content, at, molecules = connection.recv_bytes(), 0, []
        for of_one in lengths:
            pieces = []
            for length in of_one:
                pieces.append(content[at : at + length])
                at += length
            molecules.append(tuple(pieces))
        conformers = tuple(molecules)
    return Portion(header["number"], header["count"], header["position"], conformers)


def _read(
    connection: Connection, path: Path, size: int, known: frozenset[int], conformers: int | None, limit: int | None
) -> None:
    """The other process: nothing goes back but JSON and bytes."""
    waiting: list[tuple[bytes, ...]] = []
    seen = sent = 0

    def send(position: int) -> None:
        nonlocal sent
        molecules = waiting[:size]
        del waiting[:size]
        wanted = sent not in known
        lengths = [[len(piece) for piece in pieces] for pieces in molecules] if wanted else None
        header = {"number": sent, "count": len(molecules), "position": position, "lengths": lengths}
        connection.send_bytes(json.dumps(header).encode())
        if wanted:
            connection.send_bytes(b"".join(piece for pieces in molecules for piece in pieces))
        sent += 1

    def take(entries: list[Any]) -> None:
        nonlocal seen
        for entry in entries:
            if limit is not None and seen == limit:
                raise _Enough
            seen += 1
            if not (isinstance(entry, (tuple, list)) and len(entry) == 2 and isinstance(entry[0], str)):
                raise ValueError(f"entry {seen} is no pair of a SMILES and conformers")
            waiting.append(tuple(molecule_bytes(entry[1]))[:conformers])
            if len(waiting) == size:
                send(file.tell())

    try:
        with path.open("rb") as file:
            with contextlib.suppress(_Enough):
                stream_list(file, take)
            if waiting:
                send(file.tell())
    except FAULTS as error:
        answer: dict[str, object] = {"fault": " ".join(str(error).split()) or type(error).__name__}
    else:
        answer = {"end": seen}
    connection.send_bytes(json.dumps(answer).encode())
    connection.close()
