"""From molecules to a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from molvm.chem.molecule import AROMATIC, Molecule
from molvm.datasets.split import SPLIT_CODES
from molvm.datasets.store import MoleculeDataset
from molvm.errors import DatasetError


def pack(
    molecules: Sequence[Molecule],
    *,
    name: str,
    element_symbols: Sequence[str],
    split: npt.ArrayLike | None = None,
    source: Mapping[str, Any] | None = None,
) -> MoleculeDataset:
    """Makes a dataset of molecules; `source_index` is their place in the sequence.

    Args:
        molecules: At least one; kekulised, elements of the map only, finite positions (centred here).
        name: What the dataset is called.
        element_symbols: The element map, in the order of the atom types.
        split: (M,), codes of `SPLIT_CODES`; all train by default.
        source: Where the molecules are from, for the manifest.

    Raises:
        DatasetError: A molecule cannot be stored, or the split does not fit.
    """
    from rdkit import Chem

    numbers = [int(Chem.GetPeriodicTable().GetAtomicNumber(symbol)) for symbol in element_symbols]
    type_of = {number: index for index, number in enumerate(numbers)}
    if not molecules:
        raise DatasetError(f"The dataset {name!r} would have no molecules.")
    for index, molecule in enumerate(molecules):
        _check_storable(index, molecule, type_of, element_symbols)
    codes = np.zeros(len(molecules), dtype=np.uint8) if split is None else np.asarray(split, dtype=np.uint8)
    if codes.shape != (len(molecules),) or not np.isin(codes, list(SPLIT_CODES.values())).all():
        raise DatasetError(f"The split of {name!r} has shape {codes.shape}.", allowed="one code 0, 1 or 2 a molecule")
    return MoleculeDataset(
        positions=np.concatenate([_centred(molecule) for molecule in molecules]),
        types=np.array([type_of[z] for molecule in molecules for z in molecule.elements.tolist()], dtype=np.uint8),
        charges=np.concatenate([molecule.formal_charges for molecule in molecules]),
        bonds=np.concatenate([upper_triangle(molecule) for molecule in molecules]),
        n_atoms=np.array([molecule.n_atoms for molecule in molecules], dtype=np.int16),
        split=codes,
        source_index=np.arange(len(molecules), dtype=np.int32),
        manifest={
            "name": name,
            "element_symbols": list(element_symbols),
            "atomic_numbers": numbers,
            "counts": {
                "kept": len(molecules),
                **{split_name: int((codes == code).sum()) for split_name, code in SPLIT_CODES.items()},
            },
            "source": dict(source or {}),
        },
    )


def upper_triangle(molecule: Molecule) -> npt.NDArray[np.uint8]:
    """uint8 (n(n-1)/2,): the bond orders of all pairs i < j, row-major."""
    count = molecule.n_atoms
    orders = np.zeros((count, count), dtype=np.uint8)
    orders[molecule.bonds[:, 0], molecule.bonds[:, 1]] = molecule.orders
    upper: npt.NDArray[np.uint8] = orders[np.triu_indices(count, k=1)]
    return upper


def _centred(molecule: Molecule) -> npt.NDArray[np.float32]:
    centred: npt.NDArray[np.float32] = (molecule.positions - molecule.positions.mean(axis=0)).astype(np.float32)
    return centred


def _check_storable(index: int, molecule: Molecule, type_of: Mapping[int, int], element_symbols: Sequence[str]) -> None:
    where = f"Molecule {index} ({molecule.id!r})"
    if molecule.n_atoms == 0:
        raise DatasetError(f"{where} has no atoms.")
    unknown = sorted(set(molecule.elements.tolist()) - set(type_of))
    if unknown:
        raise DatasetError(f"{where} has atomic number {unknown[0]}.", allowed=", ".join(element_symbols))
    if np.any(molecule.orders == AROMATIC):
        raise DatasetError(f"{where} has aromatic bonds.", allowed="bond orders 1, 2, 3", remedy="kekulise it")
    if not np.all(np.isfinite(molecule.positions)):
        raise DatasetError(f"{where} has positions that are not finite.")
