"""The unfinished part of a dataset: a folder of Parquet files, each whole or absent, from which a build goes on."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from molvm.datasets.record import Dropped, Verdict
from molvm.durable import exclusive, published, replace_text, writing
from molvm.errors import DatasetError

logger = logging.getLogger(__name__)

RECIPE_FILE: Final = "recipe.json"
LOCK_FILE: Final = ".lock"
METADATA_KEY: Final = b"molvm"
COLUMNS: Final[Mapping[str, type[np.generic]]] = {
    "positions": np.float32,
    "types": np.uint8,
    "charges": np.int8,
    "bonds": np.uint8,
}


@dataclass(frozen=True, eq=False)
class Chunk:
    """The verdicts on some molecules of a source, as flat arrays.

    Attributes:
        source_index: int32 (k,), numbers of the molecules that are kept.
        n_atoms: int16 (k,), their atom counts.
        arrays: positions (sum N, 3), types (sum N,), charges (sum N,) and bonds (sum N(N-1)/2,) of those.
        dropped: How many others were dropped, by reason.
    """

    source_index: npt.NDArray[np.int32]
    n_atoms: npt.NDArray[np.int16]
    arrays: Mapping[str, npt.NDArray[Any]]
    dropped: Mapping[str, int]

    @property
    def kept(self) -> int:
        """How many molecules are kept."""
        return len(self.n_atoms)

    @property
    def rows(self) -> int:
        """How many molecules were looked at."""
        return self.kept + sum(self.dropped.values())


@dataclass(frozen=True)
class Tally:
    """What a chunk holds: how many molecules are kept, and how many were dropped, by reason."""

    kept: int
    dropped: Mapping[str, int]


class ChunkFolder:
    """Numbered chunks of one build.

    Args:
        path: The folder; it is made by `opened`.
        recipe: Plain values that decide what the chunks hold. Chunks of another recipe are refused.
    """

    def __init__(self, path: Path, recipe: Mapping[str, Any]) -> None:
        self.path = path
        self.recipe: dict[str, Any] = json.loads(json.dumps(recipe))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Makes the folder, or makes sure that what is in it was made by the same recipe, and keeps others out of it.

        Raises:
            DatasetError: It was made by another recipe.
            OutputExistsError: Another process builds in it, or it cannot be written.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with exclusive(self.path / LOCK_FILE, f"building in {self.path}"):
            self._settle_recipe()
            yield

    def _settle_recipe(self) -> None:
        """Write the recipe, or compare it with the one that is there."""
        file = self.path / RECIPE_FILE
        if not file.exists():
            replace_text(file, json.dumps(self.recipe, indent=2, sort_keys=True) + "\n")
            return
        try:
            earlier = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"{file} cannot be read: {error}.", remedy=f"removing {self.path}") from error
        if earlier != self.recipe:
            names = ", ".join(sorted(key for key in {*earlier, *self.recipe} if _differs(key, earlier, self.recipe)))
            raise DatasetError(
                f"The unfinished build in {self.path} was begun with another {names}.",
                remedy=f"the settings it was begun with, another --out, or removing {self.path}",
            )

    def file(self, number: int) -> Path:
        """Where the chunk of that number lies, or would."""
        return self.path / f"chunk-{number:06d}.parquet"

    def publish(self, number: int, verdicts: Sequence[Verdict]) -> Tally:
        """Writes a chunk, whole or not at all.

        Args:
            number: Its number, from 0.
            verdicts: On its molecules, in the order of the source.

        Raises:
            OutputExistsError: It cannot be written.
        """
        import pyarrow as pa
        from pyarrow import parquet

        table = _table(verdicts)
        metadata = {"number": number, "recipe": self.recipe, "digest": _digest(number, table)}
        table = table.replace_schema_metadata({METADATA_KEY: json.dumps(metadata).encode()})
        with published(self.file(number), overwrite=True) as part:
            try:
                parquet.write_table(table, part, compression="zstd")
            except pa.ArrowException as error:
                raise OSError(str(error)) from error
        dropped: Counter[str] = Counter(verdict.reason for verdict in verdicts if isinstance(verdict, Dropped))
        return Tally(len(verdicts) - dropped.total(), dict(dropped))

    def read(self, number: int) -> Chunk:
        """Reads a chunk and holds it against its digest.

        Raises:
            DatasetError: It is not there, or damaged.
        """
        import pyarrow as pa
        from pyarrow import parquet

        file = self.file(number)
        try:
            table = parquet.read_table(file)
            stated = json.loads((table.schema.metadata or {})[METADATA_KEY])["digest"]
            chunk, found = _chunk(table), _digest(number, table)
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise DatasetError(
                f"The chunk {file} is damaged or missing: {error}.", remedy="giving the same command again"
            ) from error
        if stated != found:
            raise DatasetError(
                f"The chunk {file} is damaged: its content is not that of its digest.",
                remedy="giving the same command again",
            )
        return chunk

    def finished(self) -> dict[int, Tally]:
        """The chunks that are whole, by number; damaged ones are removed, so that they are made again."""
        tallies = {}
        for file in sorted(self.path.glob("chunk-*.parquet")):
            number = int(file.stem.removeprefix("chunk-"))
            try:
                chunk = self.read(number)
            except DatasetError as error:
                logger.warning("%s It is made again.", error.what)
                file.unlink(missing_ok=True)
            else:
                tallies[number] = Tally(chunk.kept, chunk.dropped)
        return tallies

    def remove(self) -> None:
        """Deletes the folder, when the dataset it was for is published."""
        shutil.rmtree(self.path, ignore_errors=True)


def _differs(key: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return key not in first or key not in second or first[key] != second[key]


def _table(verdicts: Sequence[Verdict]) -> Any:
    import pyarrow as pa

    def column(name: str) -> Any:
        values = [None if isinstance(each, Dropped) else getattr(each, name).ravel() for each in verdicts]
        return pa.array(values, type=pa.list_(pa.from_numpy_dtype(COLUMNS[name])))

    return pa.table(
        {
            "source_index": pa.array([each.source_index for each in verdicts], type=pa.int32()),
            "dropped": pa.array([each.reason if isinstance(each, Dropped) else None for each in verdicts], pa.string()),
            **{name: column(name) for name in COLUMNS},
        }
    )


def _chunk(table: Any) -> Chunk:
    import pyarrow.compute as pc

    kept = table.filter(pc.is_null(table["dropped"]))
    arrays = {name: pc.list_flatten(kept[name]).to_numpy().astype(dtype, copy=False) for name, dtype in COLUMNS.items()}
    lengths = pc.list_value_length(kept["types"]).to_numpy()
    arrays["positions"] = arrays["positions"].reshape(-1, 3)
    return Chunk(
        source_index=kept["source_index"].to_numpy().astype(np.int32, copy=False),
        n_atoms=lengths.astype(np.int16),
        arrays=arrays,
        dropped=dict(Counter(reason for reason in table["dropped"].to_pylist() if reason is not None)),
    )


def _digest(number: int, table: Any) -> str:
    """SHA-256 of the content, whichever way Parquet has written it."""
    chunk = _chunk(table)
    digest = hashlib.sha256(json.dumps([number, chunk.dropped], sort_keys=True).encode())
    for array in (chunk.source_index, chunk.n_atoms, *(chunk.arrays[name] for name in COLUMNS)):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
