"""One scored molecule as one row of a Parquet file, and back, without loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from molvm.chem.io import write_sdf
from molvm.chem.molecule import Molecule
from molvm.runs.records import Column, Record


@dataclass(frozen=True, eq=False)
class MoleculeRecord(Record):
    """A molecule that a run has made, and what it was worth.

    Args:
        molecule: As generated; its id is unique within the run.
        smiles: Canonical SMILES, or None when it cannot be sanitised.
    """

    molecule: Molecule
    smiles: str | None

    @property
    def sample(self) -> Molecule:
        """The molecule."""
        return self.molecule

    @property
    def key(self) -> str | None:
        """The SMILES."""
        return self.smiles

    @classmethod
    def known_of(cls, sample: Molecule) -> dict[str, Any]:
        """The molecule and its SMILES."""
        return {"molecule": sample, "smiles": sample.smiles()}

    @classmethod
    def known_from(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        """The molecule and its SMILES."""
        molecule = Molecule(
            elements=np.array(row["elements"], dtype=np.uint8),
            positions=np.array(row["positions"], dtype=np.float64).reshape(-1, 3),
            formal_charges=np.array(row["formal_charges"], dtype=np.int8),
            bonds=np.array(row["bonds"], dtype=np.int32).reshape(-1, 2),
            orders=np.array(row["orders"], dtype=np.uint8),
            id=row["id"],
        )
        return {"molecule": molecule, "smiles": row["smiles"]}

    def own_row(self) -> dict[str, Any]:
        """The values of `own_columns`."""
        molecule = self.molecule
        return {
            "smiles": self.smiles,
            "n_atoms": molecule.n_atoms,
            "elements": molecule.elements.tolist(),
            "positions": molecule.positions.ravel().tolist(),
            "formal_charges": molecule.formal_charges.tolist(),
            "bonds": molecule.bonds.ravel().tolist(),
            "orders": molecule.orders.tolist(),
        }

    @classmethod
    def own_columns(cls) -> list[Column]:
        """The columns of the molecule itself."""
        import pyarrow as pa

        return [
            ("smiles", pa.string(), "canonical, without hydrogens; null when RDKit cannot sanitise the molecule"),
            ("n_atoms", pa.int32(), "hydrogens included"),
            ("elements", pa.list_(pa.uint8()), "atomic numbers"),
            ("positions", pa.list_(pa.float64()), "x y z of each atom, angstrom, as generated"),
            ("formal_charges", pa.list_(pa.int8()), "of each atom"),
            ("bonds", pa.list_(pa.int32()), "i j of each bond, from 0"),
            ("orders", pa.list_(pa.uint8()), "of each bond"),
        ]

    @classmethod
    def distances(cls, records: Sequence[Self]) -> NDArray[np.float64]:
        """One less the Tanimoto coefficients of Morgan fingerprints, of those that have a SMILES."""
        from molvm.evaluation.variety import tanimoto_distances

        return tanimoto_distances([record.smiles for record in records if record.smiles is not None])

    @classmethod
    def write_best(cls, path: Path, records: Sequence[Self], reward: str) -> None:
        """Write an SD file with reward, SMILES and iteration as fields."""
        write_sdf(path, (record._annotated(reward) for record in records), overwrite=True)

    def _annotated(self, reward: str) -> Molecule:
        properties = {reward: self.value, "smiles": self.smiles, "iteration": self.iteration}
        return replace(self.molecule, properties=properties)
