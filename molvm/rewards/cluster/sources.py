"""The user's own modules behind a reward: their text on one machine, importable on another that has no such files."""

from __future__ import annotations

import ast
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Final

Sources = Mapping[str, bytes]
"""`package/module.py`, as it would lie in a folder of `sys.path`, to its text."""

_INSTALLED: Final = {"site-packages", "dist-packages"}


def own_sources(pickled: bytes) -> dict[str, bytes]:
    """The files of the user's own modules that a pickle may name, and of those that they import.

    A module is the user's own if its file is neither installed nor part of Python or molvm. Only the Python files are
    found, not the data that they read.
    """
    waiting = [name for name in list(sys.modules) if name.encode() in pickled and _own_file(name)]
    found: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        file = _own_file(name)
        if file is None or (path := _path_of(name, file)) in found:
            continue
        found[path] = file.read_bytes()
        waiting.extend(_imported(name, file, found[path]))
        waiting.extend(_parents(name))
    return found


def _own_file(name: str) -> Path | None:
    if name.split(".")[0] in ("molvm", "__main__", "__mp_main__"):
        return None
    file = getattr(sys.modules.get(name) or _spec(name), "__file__", None) or getattr(_spec(name), "origin", None)
    path = Path(file) if isinstance(file, str) else None
    if path is None or path.suffix != ".py" or _INSTALLED & set(path.parts) or not path.is_file():
        return None
    return None if path.is_relative_to(sysconfig.get_path("stdlib")) else path


def _spec(name: str) -> ModuleSpec | None:
    """How a module would be found, without importing anything for it."""
    if "." in name and name.rpartition(".")[0] not in sys.modules:
        return None
    try:
        return importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        return None


def _path_of(name: str, file: Path) -> str:
    path = name.replace(".", "/")
    return f"{path}/__init__.py" if file.name == "__init__.py" else f"{path}.py"


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _imported(name: str, file: Path, text: bytes) -> Iterator[str]:
    """What the text of a module imports, at its top or later, as far as that may be a module."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from (alias.name, *_parents(alias.name))
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (base, *_parents(base), *(f"{base}.{alias.name}" for alias in node.names))


class _Carried(MetaPathFinder, SourceLoader):  # type: ignore[misc] # the stubs of SourceLoader clash with its base
    """Imports modules whose text was carried here."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources

    def names(self) -> set[str]:
        """The modules, and the packages around them."""
        names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in self.sources}
        return names.union(*map(_parents, names))

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002 - Python's
        """How a module is imported; None if it is not among those that were carried."""
        stem = fullname.replace(".", "/")
        for file, is_package in ((f"{stem}/__init__.py", True), (f"{stem}.py", False)):
            if file in self.sources:
                spec = ModuleSpec(fullname, self, origin=file, is_package=is_package)
                spec.has_location = True
                return spec
        is_folder = any(file.startswith(f"{stem}/") for file in self.sources)
        return ModuleSpec(fullname, None, is_package=True) if is_folder else None

    def get_filename(self, fullname: str) -> str:
        """What a traceback shows."""
        spec = self.find_spec(fullname, None)
        if spec is None or spec.origin is None:
            raise ImportError(f"{fullname} was not carried here", name=fullname)
        return spec.origin

    def get_data(self, path: str | bytes) -> bytes:
        """The text of a file that was carried.

        Raises:
            OSError: It was not.
        """
        if str(path) not in self.sources:
            raise FileNotFoundError(f"{path!r} was not carried here")
        return self.sources[str(path)]


def carry(sources: Sources) -> None:
    """Make these modules importable in this process, and forget those that were carried here before."""
    before = [finder for finder in sys.meta_path if isinstance(finder, _Carried)]
    if any(finder.sources == sources for finder in before):
        return
    carried = _Carried(sources)
    for finder in before:
        sys.meta_path.remove(finder)
    for name in carried.names().union(*(finder.names() for finder in before)):
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, carried)
