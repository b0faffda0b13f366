"""One scored molecule as one row of a Parquet file, and back, without loss."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from molvm.chem.molecule import Molecule
from molvm.rewards.base import Outcome

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, eq=False)
class MoleculeRecord:
    """A molecule that a run has made, and what it was worth.

    Args:
        molecule: As generated; its id is unique within the run.
        iteration: When it was made, from 0.
        smiles: Canonical SMILES, or None when it cannot be sanitised.
        worth: The value, its negative for a reward to minimise, or the floor; before what bounds and memories of the
            run take from it.
        value: The reward, or None when it failed.
        details: What the reward has to say besides, such as the values of its terms.
        within_bounds: Whether it keeps the bounds of the reward; None if it failed or there are none.
        failure: The failure's kind, or None.
        stage: The check or step that failed, or None.
        reason: Why, for people, or None.
        seconds: What the reward took.
        log_weight: log dP*/dP^u + log Z of its path.
    """

    molecule: Molecule
    iteration: int
    smiles: str | None
    worth: float
    value: float | None
    failure: str | None
    stage: str | None
    reason: str | None
    seconds: float
    log_weight: float
    details: Mapping[str, float | str] = field(default_factory=dict)
    within_bounds: bool | None = None

    @property
    def key(self) -> str | None:
        """Equal molecules have one; None for what is no molecule."""
        return self.smiles

    @classmethod
    def of(
        cls,
        molecule: Molecule,
        outcome: Outcome,
        *,
        iteration: int,
        worth: float,
        log_weight: float,
        within_bounds: bool | None = None,
    ) -> MoleculeRecord:
        """The record of a molecule and its outcome."""
        failure = outcome.failure
        return cls(
            molecule=molecule,
            iteration=iteration,
            smiles=molecule.smiles(),
            worth=worth,
            value=outcome.value,
            failure=failure.kind if failure else None,
            stage=failure.stage if failure else None,
            reason=failure.reason if failure else None,
            seconds=outcome.seconds,
            log_weight=log_weight,
            details=outcome.details,
            within_bounds=within_bounds,
        )

    def row(self) -> dict[str, Any]:
        """The columns of `schema`."""
        molecule = self.molecule
        return {
            "id": molecule.id,
            "iteration": self.iteration,
            "smiles": self.smiles,
            "reward": self.worth,
            "value": self.value,
            "failure": self.failure,
            "stage": self.stage,
            "reason": self.reason,
            "seconds": self.seconds,
            "log_weight": self.log_weight,
            "details": json.dumps(dict(self.details)),
            "within_bounds": self.within_bounds,
            "n_atoms": molecule.n_atoms,
            "elements": molecule.elements.tolist(),
            "positions": molecule.positions.ravel().tolist(),
            "formal_charges": molecule.formal_charges.tolist(),
            "bonds": molecule.bonds.ravel().tolist(),
            "orders": molecule.orders.tolist(),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> MoleculeRecord:
        """The inverse of `row`."""
        molecule = Molecule(
            elements=np.array(row["elements"], dtype=np.uint8),
            positions=np.array(row["positions"], dtype=np.float64).reshape(-1, 3),
            formal_charges=np.array(row["formal_charges"], dtype=np.int8),
            bonds=np.array(row["bonds"], dtype=np.int32).reshape(-1, 2),
            orders=np.array(row["orders"], dtype=np.uint8),
            id=row["id"],
        )
        same = ("iteration", "smiles", "value", "failure", "stage", "reason", "seconds", "log_weight")
        # Runs of version 0.1.0 have neither details nor bounds.
        details, within_bounds = json.loads(row.get("details") or "{}"), row.get("within_bounds")
        return cls(
            molecule=molecule,
            worth=row["reward"],
            details=details,
            within_bounds=within_bounds,
            **{name: row[name] for name in same},
        )


def schema() -> pyarrow.Schema:
    """The columns, each with its meaning as metadata."""
    import pyarrow as pa

    columns: list[tuple[str, Any, str]] = [
        ("id", pa.string(), "iteration-number, unique within the run"),
        ("iteration", pa.int32(), "from 0"),
        ("smiles", pa.string(), "canonical, without hydrogens; null when RDKit cannot sanitise the molecule"),
        ("reward", pa.float64(), "the value, its negative to minimise, or the floor"),
        ("value", pa.float64(), "the reward; null when it failed"),
        ("failure", pa.string(), "kind of failure"),
        ("stage", pa.string(), "check or step that failed"),
        ("reason", pa.string(), "why it failed"),
        ("seconds", pa.float64(), "time of the evaluation"),
        ("log_weight", pa.float64(), "log dP*/dP^u + log Z of the path"),
        ("details", pa.string(), "what the reward says besides, as JSON: the values of its terms, for instance"),
        ("within_bounds", pa.bool_(), "whether it keeps the reward's bounds; null without bounds or value"),
        ("n_atoms", pa.int32(), "hydrogens included"),
        ("elements", pa.list_(pa.uint8()), "atomic numbers"),
        ("positions", pa.list_(pa.float64()), "x y z of each atom, angstrom, as generated"),
        ("formal_charges", pa.list_(pa.int8()), "of each atom"),
        ("bonds", pa.list_(pa.int32()), "i j of each bond, from 0"),
        ("orders", pa.list_(pa.uint8()), "of each bond"),
    ]
    return pa.schema([pa.field(name, kind, metadata={"description": text}) for name, kind, text in columns])
