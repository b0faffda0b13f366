"""From GEOM's conformers to records, in worker processes."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase

from molvm.chem.molecule import Molecule
from molvm.datasets.drug_like import graph_fault, kekulised, record_of
from molvm.datasets.inert_pickle import FAULTS, molecule_bytes, read_small
from molvm.datasets.record import Dropped, Verdict
from molvm.errors import MoleculeError


@dataclass(frozen=True)
class BytesJob:
    """Molecules whose conformers have been read already; together one chunk.

    Args:
        number: The chunk's number.
        start: The first molecule's number in the source.
        conformers: RDKit's binary form of every conformer of every molecule.
    """

    number: int
    start: int
    conformers: tuple[tuple[bytes, ...], ...]


@dataclass(frozen=True)
class FilesJob:
    """Molecules with a pickle each; together one chunk.

    Args:
        number: The chunk's number.
        start: The first molecule's number in the source.
        files: The pickles; None where the summary names none.
        conformers: How many conformers of a molecule to take; None for all.
    """

    number: int
    start: int
    files: tuple[Path | None, ...]
    conformers: int | None


def from_bytes(job: BytesJob) -> tuple[int, list[Verdict]]:
    """The chunk's number and the verdicts on its conformers, molecule after molecule."""
    verdicts: list[Verdict] = []
    for index, conformers in enumerate(job.conformers, start=job.start):
        verdicts += conformer_verdicts(index, conformers)
    return job.number, verdicts


def from_files(job: FilesJob) -> tuple[int, list[Verdict]]:
    """The chunk's number and the verdicts on its conformers, molecule after molecule."""
    verdicts: list[Verdict] = []
    for index, file in enumerate(job.files, start=job.start):
        if file is None or not file.is_file():
            verdicts.append(Dropped(index, "no_file"))
            continue
        try:
            conformers = tuple(islice(molecule_bytes(_by_energy(read_small(file))), job.conformers))
        except FAULTS:
            verdicts.append(Dropped(index, "unreadable"))
        else:
            verdicts += conformer_verdicts(index, conformers)
    return job.number, verdicts


def conformer_verdicts(index: int, conformers: Sequence[bytes]) -> list[Verdict]:
    """A verdict for each conformer of one molecule, at least one.

    Args:
        index: The molecule's number in the source.
        conformers: RDKit's binary form of each.
    """
    with rdBase.BlockLogs():
        return [_verdict(index, content) for content in conformers] or [Dropped(index, "no_conformer")]


def _verdict(index: int, content: bytes) -> Verdict:
    try:
        # RDKit takes bytes, whatever its stubs say.
        mol = Chem.Mol(content)  # type: ignore[call-overload]
    except (ValueError, RuntimeError):
        return Dropped(index, "unreadable")
    if mol.GetNumConformers() == 0:
        return Dropped(index, "no_conformer")
    plain = kekulised(mol)
    if isinstance(plain, str):
        return Dropped(index, plain)
    fault = graph_fault(plain)
    if fault is not None:
        return Dropped(index, fault)
    try:
        return record_of(Molecule.from_rdkit(plain), index)
    except MoleculeError:
        return Dropped(index, "unreadable")


def _by_energy(content: Any) -> list[Any]:
    """The molecules of a GEOM pickle, lowest energy first; as they come where an energy is missing.

    Raises:
        UnpicklingError: It is not what GEOM publishes.
    """
    listed = content.get("conformers") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) and "rd_mol" in each for each in listed):
        raise pickle.UnpicklingError("it is no dictionary of conformers")
    energies = [each.get("totalenergy") for each in listed]
    if all(isinstance(energy, float) and math.isfinite(energy) for energy in energies):
        listed = sorted(listed, key=lambda each: float(each["totalenergy"]))
    return [each["rd_mol"] for each in listed]
