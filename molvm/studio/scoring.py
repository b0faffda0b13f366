"""Files that are given to the studio to be scored, and the tables that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from molvm.chem.io import readable_suffixes
from molvm.durable import writing
from molvm.errors import InputFileError, UnknownNameError


@dataclass(frozen=True)
class Uploads:
    """Where they are kept. No name that a user or a file gives becomes part of a path.

    Args:
        folder: Of the studio's own files.
    """

    folder: Path

    def endings(self) -> list[str]:
        """What may be uploaded: no packed file, which may be a million times larger inside."""
        return [suffix.removeprefix(".") for suffix in readable_suffixes()]

    def keep(self, token: str, name: str, content: bytes) -> tuple[Path, Path]:
        """Store a file.

        Args:
            token: Hexadecimal; what the studio calls it.
            name: What the user calls it; only its ending matters.
            content: Its bytes.

        Returns:
            Where it is, and where its table is to be.

        Raises:
            InputFileError: Its ending is of no readable kind.
            OutputExistsError: It cannot be written.
        """
        suffix = Path(name).suffix.lower()
        if suffix not in readable_suffixes():
            raise InputFileError(f"The kind of {name!r} is unknown.", allowed=", ".join(readable_suffixes()))
        source = self.folder / "uploads" / f"{int(token, 16):x}{suffix}"
        with writing(source):
            source.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "scores").mkdir(exist_ok=True)
            source.write_bytes(content)
        return source, self.folder / "scores" / f"{int(token, 16):x}.csv"

    def table(self, token: str) -> Path:
        """The table of that token, looked up among those that are there.

        Raises:
            UnknownNameError: There is none.
        """
        known = {path.stem: path for path in (self.folder / "scores").glob("*.csv")}
        try:
            found = known.get(f"{int(token, 16):x}")
        except ValueError:
            found = None
        if found is None:
            raise UnknownNameError("table of scores", token[:40], known, remedy="scoring the file again")
        return found


def score_arguments(source: Path, rewards: Sequence[str], out: Path) -> list[str]:
    """How `molvm` is called to score it."""
    given = [part for reward in rewards for part in ("--reward", reward)]
    return ["score", str(source), *given, "--out", str(out), "--overwrite"]
