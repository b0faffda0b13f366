"""Which molecule of its chunk a worker is at, in a file that outlives the worker: whose fault a loss was."""

from __future__ import annotations

import os
import struct
import tempfile
from dataclasses import dataclass

ENTRY = struct.Struct("<i")


@dataclass(frozen=True)
class Ticket:
    """A chunk's entry in a ledger; goes to the worker with the chunk.

    Args:
        path: The ledger.
        number: Of the entry.
    """

    path: str
    number: int

    def note(self, index: int) -> None:
        """Say that the molecule of this index in the chunk is begun."""
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            # From 1, because entries that were never written read as 0.
            os.pwrite(descriptor, ENTRY.pack(index + 1), self.number * ENTRY.size)
        finally:
            os.close(descriptor)


class Ledger:
    """An entry for each chunk that is sent to a worker."""

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="molvm-ledger-")  # noqa: SIM115 - until `close`
        self._count = 0

    def ticket(self) -> Ticket:
        """A new entry."""
        self._count += 1
        return Ticket(self._file.name, self._count - 1)

    def begun(self, ticket: Ticket) -> bool:
        """Whether a worker got to any molecule of the chunk."""
        return self._entry(ticket) > 0

    def index(self, ticket: Ticket) -> int:
        """The molecule of the chunk that was begun last; the first if the worker did not get to any."""
        return max(0, self._entry(ticket) - 1)

    def _entry(self, ticket: Ticket) -> int:
        entry = os.pread(self._file.fileno(), ENTRY.size, ticket.number * ENTRY.size)
        return int(ENTRY.unpack(entry)[0]) if len(entry) == ENTRY.size else 0

    def close(self) -> None:
        """Remove the file. Workers that are still there must be ended before."""
        self._file.close()
