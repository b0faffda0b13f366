"""The runs and molecule files under one folder, and nothing outside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from molvm.durable import exclusive
from molvm.errors import InputFileError, OutputExistsError, UnknownNameError
from molvm.legible import is_legible, legible
from molvm.runs.directory import RunDirectory
from molvm.runs.recorded import RecordedRun

DEPTH: Final = 3
"""Folders below the root in which runs are looked for."""

FILES_FOLDER: Final = ".studio"
"""Below the root: what the studio itself keeps, such as drawn paths and logs."""

FILE_ENDINGS: Final = (".sdf", ".smi", ".xyz")

State = Literal["new", "running", "finished", "interrupted", "failed", "stopped"]


class ShelvedRun(RecordedRun):
    """A run as the studio sees it: read only, its name being its path below the root."""

    @property
    def state(self) -> State:
        """What has become of it; "stopped" when its process has vanished without a word."""
        status = self.manifest.status
        if status != "running":
            return status or "new"
        return "running" if self.is_being_written else "stopped"

    @property
    def is_being_written(self) -> bool:
        """Whether a process holds its lock."""
        if not self.directory.lock.is_file():
            return False
        try:
            with exclusive(self.directory.lock, "writing it"):
                return False
        except OutputExistsError:
            return True

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever its metrics do: their size and time of change."""
        try:
            status = self.directory.metrics.stat()
        except OSError:
            return (0, 0)
        return (status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Shelf:
    """All runs and molecule files below a folder.

    Names come from links, so what they lead to is looked up among what is there and never made into a path.

    Args:
        root: The folder.
    """

    root: Path

    @property
    def files_folder(self) -> Path:
        """What the studio itself keeps."""
        return self.root / FILES_FOLDER

    def runs(self) -> dict[str, ShelvedRun]:
        """The runs by name, the newest first."""
        found = [RunDirectory(path) for path in self._folders(self.root, DEPTH) if RunDirectory(path).is_run]
        found.sort(key=lambda directory: directory.manifest.stat().st_mtime_ns, reverse=True)
        return {self._name(directory.path): ShelvedRun(self._name(directory.path), directory) for directory in found}

    def run(self, name: str) -> ShelvedRun:
        """The run of that name.

        Raises:
            UnknownNameError: There is none.
        """
        runs = self.runs()
        if name not in runs:
            raise UnknownNameError("run", name, runs)
        return runs[name]

    def files(self) -> dict[str, Path]:
        """The molecule files by name, in order."""
        found = {
            self._name(path): path
            for folder in self._folders(self.root, DEPTH)
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in FILE_ENDINGS and path.is_file() and not path.is_symlink()
        }
        return dict(sorted(found.items()))

    def file(self, name: str) -> Path:
        """The molecule file of that name.

        Raises:
            UnknownNameError: There is none.
        """
        files = self.files()
        if name not in files:
            raise UnknownNameError("molecule file", name, files)
        return files[name]

    def place_for(self, name: str) -> Path:
        """The folder that a new run of that name gets.

        Raises:
            InputFileError: The name would lead elsewhere, or is no name of a folder.
        """
        plain = name.replace("-", "").replace("_", "").replace(".", "")
        if not plain.isalnum() or not plain.isascii() or name.startswith(".") or len(name) > 100:
            raise InputFileError(f"{name!r} cannot be the name of a run.", allowed="letters, digits, '-', '_' and '.'")
        return self.root / name

    def _folders(self, folder: Path, depth: int) -> Iterator[Path]:
        yield folder
        if depth == 0 or RunDirectory(folder).is_run:
            return
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
                yield from self._folders(child, depth - 1)

    def _name(self, path: Path) -> str:
        name = path.relative_to(self.root).as_posix() if path != self.root else path.resolve().name
        return legible(name)  # another can be in no page; one such file would take the whole page down


def open_shelf(root: Path | str) -> Shelf:
    """The shelf of a folder.

    Raises:
        InputFileError: There is no such folder, or its path is not UTF-8.
    """
    path = Path(root).expanduser().resolve()
    if not is_legible(path):
        raise InputFileError(f"The path {path} is not UTF-8.", remedy="another name for the folder")
    if not path.is_dir():
        raise InputFileError(f"There is no folder {path}.", remedy="the folder in which your runs are, or one run")
    return Shelf(path)
