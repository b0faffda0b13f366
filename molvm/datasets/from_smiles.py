"""Drug-like molecules in three dimensions from SMILES: ETKDG, then a loose GFN-FF relaxation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from rdkit import Chem, rdBase

from molvm.chem.embed import embed
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria, relax
from molvm.datasets.drug_like import graph_fault, kekulised, record_of
from molvm.datasets.record import Dropped, DropReason, Verdict
from molvm.errors import EngineError, MoleculeError

LOOSE: Final = Criteria(energy=1e-3, gradient=1e-2)
"""A third of the time of a converged relaxation. What that costs in accuracy is measured by benchmarks/drugs.py; it is
small beside the thermal motion of bonds (0.05 Å) and angles (3°)."""

EMBEDDING_ATTEMPTS: Final = 50
"""Attempts of ETKDG from each kind of start: a number, not seconds, so that every machine has the same outcome."""


@dataclass(frozen=True)
class SmilesJob:
    """SMILES to work on, each with its number in the source; together one chunk.

    Args:
        number: The chunk's number.
        rows: Numbers of the molecules in the source.
        smiles: Of the same length.
        seed: Together with a row it seeds that row's embedding.
    """

    number: int
    rows: tuple[int, ...]
    smiles: tuple[str, ...]
    seed: int


def make_molecules(job: SmilesJob) -> tuple[int, list[Verdict]]:
    """The chunk's number and the verdict on each of its SMILES, in order."""
    rows = zip(job.rows, job.smiles, strict=True)
    return job.number, [make_molecule(smiles, row, job.seed) for row, smiles in rows]


def make_molecule(smiles: str, row: int, seed: int, criteria: Criteria = LOOSE) -> Verdict:
    """One molecule, embedded, relaxed and checked.

    Args:
        smiles: Of one molecule.
        row: Its number in the source.
        seed: Of the whole dataset.
        criteria: When the relaxation ends.
    """
    start = embedded(smiles, row, seed)
    if not isinstance(start, Molecule):
        return Dropped(row, start)
    try:
        relaxation = relax(start, criteria)
    except EngineError:
        return Dropped(row, "not_relaxed")
    if not relaxation.converged:
        return Dropped(row, "not_relaxed")
    if relaxation.changed_bonds:
        return Dropped(row, "topology_changed")
    return record_of(replace(start, positions=relaxation.positions), row)


def embedded(smiles: str, row: int, seed: int) -> Molecule | DropReason:
    """The molecule with all its hydrogens, kekulised, where ETKDGv3 puts it, or why there is none.

    Args:
        smiles: Of one molecule.
        row: Its number in the source.
        seed: Of the whole dataset.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            return "unreadable"
        mol = Chem.AddHs(mol)
        fault = graph_fault(mol)
        if fault is not None:
            return fault
        try:
            found = embed(mol, _seed(seed, row), attempts=EMBEDDING_ATTEMPTS)
        except MoleculeError:
            found = False
        if not found:
            return "not_embedded"
    plain = kekulised(mol)
    return plain if isinstance(plain, str) else Molecule.from_rdkit(plain, id=str(row))


def method(seed: int) -> Mapping[str, Any]:
    """What decides the positions, for a manifest."""
    return {
        "embedding": f"RDKit ETKDGv3, at most {EMBEDDING_ATTEMPTS} attempts, then as many from random coordinates",
        "relaxation": {
            "force_field": "GFN-FF (gfnff)",
            "minimiser": "limited-memory BFGS on Lindh's model Hessian",
            "units": "Eh and Eh/a0",
            **asdict(LOOSE),
        },
        "topology_check": (
            "after the relaxation every bond is at most 1.3 times, every other pair of atoms at least 1.15 times the "
            "sum of its covalent radii (RDKit's)"
        ),
        "seed": seed,
    }


def _seed(seed: int, row: int) -> int:
    """One for each row, below 2³¹ as RDKit wants it."""
    return int(np.random.SeedSequence([seed, row]).generate_state(1)[0] >> 1)
