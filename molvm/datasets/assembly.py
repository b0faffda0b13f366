"""From the chunks of a finished build to the dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from molvm.datasets.chunks import COLUMNS, Chunk, ChunkFolder
from molvm.datasets.split import SPLIT_CODES
from molvm.datasets.store import MoleculeDataset
from molvm.errors import DatasetError

SplitOf = Callable[[npt.NDArray[np.int32]], npt.NDArray[np.uint8]]


def assemble(
    folder: ChunkFolder,
    numbers: Sequence[int],
    *,
    split_of: SplitOf,
    manifest: Mapping[str, Any],
    limit: int | None = None,
) -> MoleculeDataset:
    """Puts chunks one behind the other.

    Args:
        folder: Where they are.
        numbers: Which of them, in order.
        split_of: From source indices (k,) to codes of `SPLIT_CODES` (k,).
        manifest: What the manifest says; counts and drops are added here.
        limit: Keep only the first so many molecules.

    Raises:
        DatasetError: A chunk is damaged, or nothing was kept.
    """
    chunks = [folder.read(number) for number in numbers]
    dropped: Counter[str] = Counter()
    for chunk in chunks:
        dropped.update(chunk.dropped)
    kept, rows = sum(chunk.kept for chunk in chunks), sum(chunk.rows for chunk in chunks)
    if not kept:
        reasons = ", ".join(f"{reason} {count}" for reason, count in dropped.most_common()) or "there were none"
        raise DatasetError(f"None of {rows} molecules could be kept: {reasons}.")
    source_index = np.concatenate([chunk.source_index for chunk in chunks])
    arrays = _joined(chunks)
    split = split_of(source_index)
    dataset = MoleculeDataset(
        positions=arrays["positions"],
        types=arrays["types"],
        charges=arrays["charges"],
        bonds=arrays["bonds"],
        n_atoms=np.concatenate([chunk.n_atoms for chunk in chunks]),
        split=split,
        source_index=source_index,
        manifest={**manifest, "dropped": dict(sorted(dropped.items()))},
    )
    if limit is not None and limit < kept:
        dataset = dataset.select(np.arange(limit))
    counts: dict[str, int] = {"rows_read": rows, "kept": len(dataset), "kept_but_beyond_the_limit": kept - len(dataset)}
    for name, code in SPLIT_CODES.items():
        counts[name] = int((dataset.split == code).sum())
    return replace(dataset, manifest={**dataset.manifest, "counts": counts})


def _joined(chunks: Sequence[Chunk]) -> dict[str, npt.NDArray[Any]]:
    joined: dict[str, npt.NDArray[Any]] = {}
    for name in COLUMNS:
        joined[name] = np.concatenate([chunk.arrays[name] for chunk in chunks])
    return joined
