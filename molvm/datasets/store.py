"""A dataset of 3D molecules as one directory: concatenated numpy arrays and a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from molvm.datasets.directory import ARRAYS_FILE, read_directory, write_directory
from molvm.datasets.split import split_code
from molvm.errors import DatasetError

if TYPE_CHECKING:
    from molvm.chem.molecule import Molecule


ARRAY_DTYPES: Final[Mapping[str, type[np.generic]]] = {
    "positions": np.float32,
    "types": np.uint8,
    "charges": np.int8,
    "bonds": np.uint8,
    "n_atoms": np.int16,
    "split": np.uint8,
    "source_index": np.int32,
}


@dataclass(frozen=True)
class DenseBatch:
    """Molecules of one size n as dense arrays.

    Attributes:
        positions: float32 (b, n, 3), Å, centred.
        types: uint8 (b, n), index into the element map.
        charges: int8 (b, n), formal charges.
        bonds: uint8 (b, n, n), symmetric, zero diagonal: 0 none, 1 single, 2 double, 3 triple.
    """

    positions: npt.NDArray[np.float32]
    types: npt.NDArray[np.uint8]
    charges: npt.NDArray[np.int8]
    bonds: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class MoleculeDataset:
    """Molecules with coordinates, elements, formal charges and bond orders, one after the other in flat arrays.

    Attributes:
        positions: float32 (sum N, 3), Å, centred per molecule.
        types: uint8 (sum N,), index into `elements`.
        charges: int8 (sum N,), formal charges.
        bonds: uint8 (sum N(N-1)/2,), bond orders of the upper triangles (row-major, i < j).
        n_atoms: int16 (M,), atoms per molecule.
        split: uint8 (M,), 0 train, 1 validation, 2 test.
        source_index: int32 (M,), number of the molecule in its source.
        manifest: What the directory's manifest says; `element_symbols` and `atomic_numbers` are the element map.

    Raises:
        DatasetError: The arrays do not fit together.
    """

    positions: npt.NDArray[np.float32]
    types: npt.NDArray[np.uint8]
    charges: npt.NDArray[np.int8]
    bonds: npt.NDArray[np.uint8]
    n_atoms: npt.NDArray[np.int16]
    split: npt.NDArray[np.uint8]
    source_index: npt.NDArray[np.int32]
    manifest: Mapping[str, Any]

    def __post_init__(self) -> None:
        sizes = self.n_atoms.astype(np.int64)
        object.__setattr__(self, "_atom_offsets", np.concatenate(([0], np.cumsum(sizes))))
        object.__setattr__(self, "_pair_offsets", np.concatenate(([0], np.cumsum(sizes * (sizes - 1) // 2))))
        self._check()

    def _check(self) -> None:
        atoms, pairs, molecules = int(self.atom_offsets[-1]), int(self.pair_offsets[-1]), len(self.n_atoms)
        expected = {
            "positions": (atoms, 3),
            "types": (atoms,),
            "charges": (atoms,),
            "bonds": (pairs,),
            "n_atoms": (molecules,),
            "split": (molecules,),
            "source_index": (molecules,),
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != ARRAY_DTYPES[name]:
                raise DatasetError(
                    f"The array {name!r} of the dataset is {array.dtype} {array.shape}.",
                    allowed=f"{np.dtype(ARRAY_DTYPES[name])} {shape}",
                )
        if atoms and int(self.types.max()) >= len(self.elements):
            raise DatasetError(f"The dataset holds atom type {int(self.types.max())}, the element map {self.elements}.")

    @property
    def atom_offsets(self) -> npt.NDArray[np.int64]:
        """int64 (M+1,): where each molecule's atoms begin in the flat arrays."""
        offsets: npt.NDArray[np.int64] = self.__dict__["_atom_offsets"]
        return offsets

    @property
    def pair_offsets(self) -> npt.NDArray[np.int64]:
        """int64 (M+1,): where each molecule's atom pairs begin in `bonds`."""
        offsets: npt.NDArray[np.int64] = self.__dict__["_pair_offsets"]
        return offsets

    @property
    def elements(self) -> tuple[str, ...]:
        """The element symbols, in the order of the atom types."""
        return tuple(self.manifest["element_symbols"])

    @property
    def atomic_numbers(self) -> npt.NDArray[np.uint8]:
        """uint8 (K,): atomic number of every atom type."""
        return np.asarray(self.manifest["atomic_numbers"], dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.n_atoms)

    @classmethod
    def load(cls, path: Path) -> MoleculeDataset:
        """Reads a dataset directory and checks it against its manifest.

        Raises:
            DatasetError: A file is missing, or the arrays are not those the manifest was written for.
        """
        arrays, manifest = read_directory(path)
        missing = sorted(set(ARRAY_DTYPES) - set(arrays))
        if missing:
            raise DatasetError(f"{path / ARRAYS_FILE} lacks the arrays {', '.join(missing)}.", remedy="build it again")
        return cls(**{name: arrays[name] for name in ARRAY_DTYPES}, manifest=manifest)

    def save(self, path: Path) -> None:
        """Publishes the dataset as a directory, whole or not at all.

        Raises:
            OutputExistsError: There is something at `path` already.
        """
        write_directory(path, {name: getattr(self, name) for name in ARRAY_DTYPES}, self.manifest)

    def indices(self, split: str | None = None, size: int | None = None) -> npt.NDArray[np.int64]:
        """int64 (k,): the molecules of one split ("train", "validation", "test") and one atom count, in order."""
        keep = np.ones(len(self), dtype=bool)
        if split is not None:
            keep &= self.split == split_code(split)
        if size is not None:
            keep &= self.n_atoms == size
        return np.flatnonzero(keep)

    def subset(self, split: str) -> MoleculeDataset:
        """The molecules of one split as a dataset of their own."""
        return self.select(self.indices(split))

    def select(self, indices: npt.NDArray[np.integer[Any]]) -> MoleculeDataset:
        """The given molecules, in the given order, as a dataset of their own."""
        atoms = _ragged(self.atom_offsets, indices)
        pairs = _ragged(self.pair_offsets, indices)
        return MoleculeDataset(
            positions=self.positions[atoms],
            types=self.types[atoms],
            charges=self.charges[atoms],
            bonds=self.bonds[pairs],
            n_atoms=self.n_atoms[indices],
            split=self.split[indices],
            source_index=self.source_index[indices],
            manifest=self.manifest,
        )

    def size_histogram(self, split: str | None = None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The atom counts that occur, rising, and how many molecules have each: int64 (s,), int64 (s,)."""
        sizes, counts = np.unique(self.n_atoms[self.indices(split)], return_counts=True)
        return sizes.astype(np.int64), counts.astype(np.int64)

    def position_variance(self, split: str | None = None) -> float:
        """Mean square of the coordinates about the centres of their molecules, Å²."""
        chosen = self.select(self.indices(split))
        starts = chosen.atom_offsets[:-1]
        centres = np.add.reduceat(chosen.positions, starts, dtype=np.float64) / chosen.n_atoms[:, None]
        return float(np.mean((chosen.positions - np.repeat(centres, chosen.n_atoms, axis=0)) ** 2))

    def gather(self, indices: npt.NDArray[np.integer[Any]]) -> DenseBatch:
        """Molecules of one size as dense arrays.

        Args:
            indices: int (b,), at least one, all with the same atom count.

        Raises:
            DatasetError: The molecules have different sizes, or none was named.
        """
        sizes = np.unique(self.n_atoms[indices])
        if len(sizes) != 1:
            raise DatasetError(
                f"A dense batch was asked for of {len(indices)} molecules with atom counts {sizes.tolist()}.",
                allowed="one atom count a batch",
                remedy="MoleculeDataset.indices(split, size)",
            )
        n = int(sizes[0])
        atoms = self.atom_offsets[indices][:, None] + np.arange(n)
        pairs = self.pair_offsets[indices][:, None] + np.arange(n * (n - 1) // 2)
        row, column = np.triu_indices(n, k=1)
        bonds = np.zeros((len(indices), n, n), dtype=np.uint8)
        bonds[:, row, column] = bonds[:, column, row] = self.bonds[pairs]
        return DenseBatch(self.positions[atoms], self.types[atoms], self.charges[atoms], bonds)

    def molecule(self, index: int) -> Molecule:
        """The molecule at `index`; its id is the number it has in its source.

        Raises:
            IndexError: There is no such molecule.
        """
        # Imported here because training reads dense batches only and need not load RDKit.
        from molvm.chem.molecule import Molecule

        if not 0 <= index < len(self):
            raise IndexError(f"molecule {index} of {len(self)}")
        batch = self.gather(np.array([index]))
        upper = np.triu(batch.bonds[0])
        row, column = np.nonzero(upper)
        return Molecule(
            elements=self.atomic_numbers[batch.types[0]],
            positions=batch.positions[0],
            formal_charges=batch.charges[0],
            bonds=np.stack([row, column], axis=1).astype(np.int32),
            orders=upper[row, column],
            id=f"{self.manifest['name']}-{int(self.source_index[index])}",
        )


def _ragged(offsets: npt.NDArray[np.int64], indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Flat positions of the entries of the segments `indices`, in that order."""
    starts, lengths = offsets[indices], offsets[np.asarray(indices) + 1] - offsets[indices]
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(int(ends[-1]) if len(ends) else 0)
