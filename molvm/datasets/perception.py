"""From elements and coordinates to bonds and formal charges, by RDKit's rdDetermineBonds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds

from molvm.datasets.record import Dropped, MoleculeRecord

MAXIMUM_FORMAL_CHARGE: Final = 1


@dataclass(frozen=True)
class Geometry:
    """Elements and coordinates of one molecule, as a source gives them.

    Attributes:
        source_index: Number of the molecule in its source.
        symbols: Element symbols, n of them.
        coordinates: n rows of three, Å.
    """

    source_index: int
    symbols: tuple[str, ...]
    coordinates: tuple[tuple[float, float, float], ...]


def perceive(geometry: Geometry, type_of: dict[str, int]) -> MoleculeRecord | Dropped:
    """Finds bond orders and formal charges of a neutral molecule.

    Args:
        geometry: Elements and coordinates, hydrogens included.
        type_of: Atom type of every element symbol that may occur.

    Returns:
        The kekulised record, or why there is none: no bonds with total charge 0 were found, the molecule falls into
        fragments, or an atom carries more than one elementary charge.
    """
    if any(symbol not in type_of for symbol in geometry.symbols):
        return Dropped(geometry.source_index, "unknown_element")
    molecule = _unbonded(geometry)
    try:
        rdDetermineBonds.DetermineBonds(molecule, charge=0)
        Chem.Kekulize(molecule, clearAromaticFlags=True)
    except (ValueError, RuntimeError):
        return Dropped(geometry.source_index, "no_bonds_found")
    if len(Chem.GetMolFrags(molecule)) != 1:
        return Dropped(geometry.source_index, "fragmented")
    charges = np.array([atom.GetFormalCharge() for atom in molecule.GetAtoms()], dtype=np.int8)
    if int(np.abs(charges).max()) > MAXIMUM_FORMAL_CHARGE:
        return Dropped(geometry.source_index, "charge_too_large")
    orders = Chem.GetAdjacencyMatrix(molecule, useBO=True, force=True).astype(np.uint8)
    positions = np.array(geometry.coordinates, dtype=np.float64)
    return MoleculeRecord(
        source_index=geometry.source_index,
        positions=(positions - positions.mean(axis=0)).astype(np.float32),
        types=np.array([type_of[symbol] for symbol in geometry.symbols], dtype=np.uint8),
        charges=charges,
        bonds=orders[np.triu_indices(len(orders), k=1)],
    )


def perceive_many(geometries: list[Geometry], type_of: dict[str, int]) -> list[MoleculeRecord | Dropped]:
    """`perceive` for a list, with RDKit's complaints about what gets dropped silenced meanwhile."""
    with rdBase.BlockLogs():
        return [perceive(geometry, type_of) for geometry in geometries]


def _unbonded(geometry: Geometry) -> Any:
    molecule = Chem.RWMol()
    conformer = Chem.Conformer(len(geometry.symbols))
    for index, (symbol, point) in enumerate(zip(geometry.symbols, geometry.coordinates, strict=True)):
        atom = Chem.Atom(symbol)
        atom.SetNoImplicit(True)
        molecule.AddAtom(atom)
        conformer.SetAtomPosition(index, point)
    molecule.AddConformer(conformer)
    return molecule
