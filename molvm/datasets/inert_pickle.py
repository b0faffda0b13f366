"""Pickles of RDKit molecules, read without running anything that is in them. Only for processes of their own.

A pickle is a program: it names functions and calls them. Here every name stands for something inert: RDKit's
molecule for its bytes, all else for nothing at all. What is left of the risk is RDKit's parser of those bytes.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, ClassVar, Final

FAULTS: Final = (
    pickle.UnpicklingError,
    OSError,
    EOFError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    MemoryError,
    RecursionError,
    struct.error,
)
"""What reading a damaged or foreign pickle raises."""

MOLECULES: Final = {("rdkit.Chem.rdchem", "Mol"), ("rdkit.Chem.rdchem", "RWMol"), ("rdkit.Chem", "Mol")}

REMEMBERED_CHARACTERS: Final = 64
"""Names that a pickle mentions again and again are shorter; molecules that were written as text are longer."""


class MolBytes:
    """Stands for an RDKit molecule.

    Attributes:
        content: RDKit's binary form; empty when the pickle had something else there.
    """

    def __init__(self, *arguments: object) -> None:
        first = arguments[0] if arguments else b""
        self.content = first if isinstance(first, bytes) else b""

    def __setstate__(self, state: object) -> None:
        """The properties of the Python object are not wanted."""


class Inert:
    """Stands for everything else that a pickle names; takes whatever is done to it and does nothing."""

    def __new__(cls, *_arguments: object, **_named: object) -> Inert:
        """Whatever it is made with."""
        return super().__new__(cls)

    def __init__(self, *_arguments: object, **_named: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __call__(self, *_arguments: object, **_named: object) -> Inert:
        """Another one."""
        return Inert()

    def append(self, value: object) -> None:
        """Nothing happens."""

    def extend(self, values: object) -> None:
        """Nothing happens."""

    def add(self, value: object) -> None:
        """Nothing happens."""


def encoded(text: object, _encoding: object = None) -> bytes:
    """Bytes as old pickles write them: as text, one character a byte.

    Raises:
        UnpicklingError: It is no such text.
    """
    if not isinstance(text, str):
        raise pickle.UnpicklingError("bytes were written as something other than text")
    return text.encode("latin-1")


def stand_in(module: str, name: str) -> Any:
    """What a name in a pickle stands for."""
    if (module, name) in MOLECULES:
        return MolBytes
    return encoded if (module, name) == ("_codecs", "encode") else Inert


class _Small(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        return stand_in(module_name, global_name)


def read_small(path: Path) -> Any:
    """Everything in a small pickle.

    Raises:
        OSError: It cannot be read; and the other `FAULTS`.
    """
    with path.open("rb") as file:
        return _Small(file).load()


class _Memo(dict[int, Any]):
    """What a pickle may refer to again, without the large things of entries that are done with."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0
        self._fresh: list[int] = []

    def __setitem__(self, index: int, value: Any) -> None:
        super().__setitem__(index, value)
        self._next = max(self._next, index + 1)
        self._fresh.append(index)

    def __len__(self) -> int:
        # The protocol numbers entries by how many there have been.
        return self._next

    def forget(self) -> None:
        """Drops what was put in since the last time, but for short names and what names stand for."""
        for index in self._fresh:
            value = self[index]
            short = isinstance(value, str) and len(value) <= REMEMBERED_CHARACTERS
            if not (short or isinstance(value, type) or value is encoded):
                del self[index]
        self._fresh.clear()


# The C reader cannot be interrupted between two entries of a list; its twin in Python can.
_PythonUnpickler: Any = pickle._Unpickler  # type: ignore[attr-defined, unused-ignore]


class _Stream(_PythonUnpickler):  # type: ignore[misc]
    dispatch: ClassVar[dict[int, Any]] = dict(_PythonUnpickler.dispatch)

    def __init__(self, file: IO[bytes], sink: Callable[[list[Any]], None]) -> None:
        super().__init__(file)
        self.memo = _Memo()
        self._sink = sink

    def find_class(self, module: str, name: str) -> Any:
        return stand_in(module, name)

    def load_appends(self) -> None:
        self._add(self.pop_mark())

    def load_append(self) -> None:
        self._add([self.stack.pop()])

    def _add(self, items: list[Any]) -> None:
        if self.metastack or len(self.stack) != 1 or not isinstance(self.stack[0], list):
            self.stack[-1].extend(items)
            return
        self._sink(items)
        self.memo.forget()

    dispatch[pickle.APPENDS[0]] = load_appends
    dispatch[pickle.APPEND[0]] = load_append


def stream_list(file: IO[bytes], sink: Callable[[list[Any]], None]) -> None:
    """Hands over the entries of a pickled list, some at a time, and forgets them.

    Args:
        file: Of one pickle.
        sink: Takes the next entries.

    Raises:
        UnpicklingError: It is no list, or an entry refers to an earlier one; and the other `FAULTS`.
    """
    if not isinstance(_Stream(file, sink).load(), list):
        raise pickle.UnpicklingError("there is something other than a list")


def molecule_bytes(conformers: object) -> Iterator[bytes]:
    """The bytes of the molecules in a list of conformers.

    Raises:
        UnpicklingError: It is no list of RDKit molecules.
    """
    if not isinstance(conformers, (list, tuple)):
        raise pickle.UnpicklingError("there is no list of conformers")
    for conformer in conformers:
        if not isinstance(conformer, MolBytes):
            raise pickle.UnpicklingError("a conformer is no RDKit molecule")
        yield conformer.content
