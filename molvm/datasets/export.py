"""A dataset as one Parquet file that pandas, polars and duckdb read, with its provenance inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from molvm.datasets.split import SPLIT_CODES
from molvm.datasets.store import MoleculeDataset
from molvm.durable import published

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST_KEY: Final = b"molvm"
"""Of the file's metadata: the dataset's manifest as JSON."""

ROWS_AT_ONCE: Final = 10_000


def write_parquet(dataset: MoleculeDataset, path: Path, *, overwrite: bool = False) -> None:
    """Write one row a molecule: source_index, split, smiles, elements, formal_charges, positions, bonds, orders.

    Positions are flat, x y z of each atom, Å; bonds are flat, i j of each, i < j, atoms from 0.

    Args:
        dataset: What to write.
        path: The file.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputExistsError: There is something at `path`, or it cannot be written.
    """
    import pyarrow.parquet as pq

    schema = _schema({MANIFEST_KEY: json.dumps(dataset.manifest).encode()})
    with published(path, overwrite=overwrite) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for start in range(0, len(dataset), ROWS_AT_ONCE):
            writer.write_table(_table(dataset, range(start, min(start + ROWS_AT_ONCE, len(dataset))), schema))


def _schema(metadata: dict[bytes, bytes]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        {
            "source_index": pa.int64(),
            "split": pa.string(),
            "smiles": pa.string(),
            "elements": pa.list_(pa.uint8()),
            "formal_charges": pa.list_(pa.int8()),
            "positions": pa.list_(pa.float32()),
            "bonds": pa.list_(pa.int16()),
            "orders": pa.list_(pa.uint8()),
        },
        metadata=metadata,
    )


def _table(dataset: MoleculeDataset, indices: range, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(list(_rows(dataset, indices)), schema=schema)


def _rows(dataset: MoleculeDataset, indices: range) -> Iterator[dict[str, Any]]:
    splits = {code: name for name, code in SPLIT_CODES.items()}
    for index in indices:
        molecule = dataset.molecule(index)
        yield {
            "source_index": int(dataset.source_index[index]),
            "split": splits[int(dataset.split[index])],
            "smiles": molecule.smiles(),
            "elements": molecule.elements,
            "formal_charges": molecule.formal_charges,
            "positions": molecule.positions.astype(np.float32).ravel(),
            "bonds": molecule.bonds.astype(np.int16).ravel(),
            "orders": molecule.orders,
        }
