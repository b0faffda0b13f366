"""Open Babel, out of process: file formats that molvm does not have, and another opinion on bonds.

It needs the extra `obabel`. Open Babel is under the GPL; molvm talks to it through pipes and never imports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from molvm.chem.formal_charges import implied_charges, separated_charges
from molvm.chem.formats.record import Record
from molvm.chem.formats.sdf import read_sdf, sdf_text
from molvm.chem.molecule import Molecule
from molvm.chem.openbabel_process import ask
from molvm.chem.perception import unbonded
from molvm.durable import published
from molvm.errors import InputFileError, MoleculeError, UnknownNameError

SECONDS = 60.0
"""How long one request may take; starting the process takes a tenth of one."""


@dataclass(frozen=True)
class Formats:
    """File formats by Open Babel's name for them, which is also the usual ending of their files.

    Args:
        readable: What each format that can be read is called.
        writable: What each format that can be written is called.
    """

    readable: Mapping[str, str]
    writable: Mapping[str, str]


@lru_cache(maxsize=1)
def formats() -> Formats:
    """The formats of the installed Open Babel, asked once.

    Raises:
        MissingDependencyError: Open Babel is not installed.
        InteropError: It cannot be asked.
    """
    return Formats(**ask({"verb": "formats"}, what="Listing Open Babel's formats", timeout=SECONDS))


def read_molecules(path: Path | str, format: str | None = None, *, timeout: float = SECONDS) -> list[Record]:
    """All records of a molecule file, in order, as `molvm.chem.io.read_molecules` gives them.

    Bonds come kekulised. Where the format has none, they are Open Babel's guess, which does not know charges: read such
    a file as atoms, and call `perceive_bonds`. Hydrogens that bonds imply are added, flat molecules are embedded.
    Where Open Babel does not understand a record it stops; if it complains of that, the last record has the complaint
    as its reason, but of some formats (mol2) it does not complain.

    Args:
        path: The file.
        format: A readable one of `formats`; by default the file's ending.
        timeout: Seconds.

    Raises:
        InputFileError: The file cannot be read, or there is no molecule in it.
        UnknownNameError: Open Babel does not read that format.
        MissingDependencyError: Open Babel is not installed.
        InteropError: It crashed or took too long.
    """
    path = Path(path)
    format = _known(format or path.suffix[1:], formats().readable, "format that Open Babel reads")
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputFileError(
            f"The file {path} cannot be read: {error.strerror or error}.", remedy="check the path and its permissions"
        ) from error
    request = {"verb": "read", "path": str(path.absolute()), "format": format}
    reply = ask(request, what=f"Reading {path} with Open Babel", timeout=timeout)
    # Bytes of a title that are not UTF-8 arrive as lone surrogates, which no file could take.
    text, complaint = reply["sdf"].encode(errors="replace").decode(), reply["complaint"]
    records = [_with_separated_charges(record) for record in read_sdf(StringIO(text))]
    if not records:
        raise InputFileError(
            f"Open Babel finds no molecule in {path}, read as {format!r}. {complaint}".strip(), remedy="another format"
        )
    if complaint:
        reason = f"Open Babel stops here: {complaint}; the rest of the file is unread"
        records.append(Record(str(len(records) + 1), reason=reason))
    return records


def write_molecules(
    path: Path | str,
    molecules: Iterable[Molecule],
    format: str | None = None,
    *,
    overwrite: bool = False,
    timeout: float = SECONDS,
) -> int:
    """Write molecules to a file, which appears under its name only when it is whole.

    Positions are rounded to 10⁻⁴ Å on the way, aromatic bonds are kekulised where Open Babel can.

    Args:
        path: The file to write.
        molecules: Molecules whose atomic numbers are elements.
        format: A writable one of `formats`; by default the file's ending.
        overwrite: Whether an existing file may be replaced.
        timeout: Seconds.

    Returns:
        The number of molecules written.

    Raises:
        OutputExistsError: The file exists, or cannot be written.
        MoleculeError: An atomic number is no element.
        UnknownNameError: Open Babel does not write that format.
        MissingDependencyError: Open Babel is not installed.
        InteropError: It crashed, took too long, or cannot express a molecule.
    """
    path = Path(path)
    format = _known(format or path.suffix[1:], formats().writable, "format that Open Babel writes")
    texts = [sdf_text(molecule) for molecule in molecules]
    with published(path, overwrite=overwrite) as part:
        request = {"verb": "write", "path": str(part.absolute()), "format": format, "sdf": texts}
        ask(request, what=f"Writing {path} with Open Babel", timeout=timeout)
    return len(texts)


def perceive_bonds(
    elements: ArrayLike, positions: ArrayLike, *, charge: int = 0, id: str = "", timeout: float = SECONDS
) -> Molecule:
    """The kekulised molecule that these atoms make in Open Babel's opinion.

    Its perception goes by distances and angles alone; the formal charges follow from the valences that it finds.

    Args:
        elements: (n,) atomic numbers, hydrogens included.
        positions: (n, 3) positions in ångström.
        charge: Total charge in elementary charges.
        id: What to call it.
        timeout: Seconds.

    Raises:
        MoleculeError: The arrays are no atoms, or Open Babel's bonds do not go with that total charge.
        MissingDependencyError: Open Babel is not installed.
        InteropError: It crashed or took too long.
    """
    atoms = unbonded(elements, positions, id=id)
    request = {"verb": "perceive", "elements": atoms.elements.tolist(), "positions": atoms.positions.tolist()}
    found = ask(request, what=f"Perceiving the bonds of {id!r} with Open Babel", timeout=timeout)["bonds"]
    bonds = np.array(found, dtype=np.int32).reshape(-1, 3)
    bonded = replace(atoms, bonds=np.sort(bonds[:, :2], axis=1), orders=bonds[:, 2].astype(np.uint8))
    separated = Molecule.from_rdkit(separated_charges(bonded.to_rdkit()), id=id)
    charges = implied_charges(separated)
    if int(charges.sum()) != charge:
        raise MoleculeError(
            f"Open Babel's bonds for {id!r} go with total charge {int(charges.sum()):+d}, not {charge:+d}.",
            remedy="RDKit's perception of bonds, which is told the charge",
        )
    return replace(separated, formal_charges=charges)


def _known(name: str, known: Mapping[str, str], kind: str) -> str:
    found = name if name in known else name.lower()
    if found not in known:
        raise UnknownNameError(kind, name, known)
    return found


def _with_separated_charges(record: Record) -> Record:
    """Open Babel writes nitro groups with five bonds to nitrogen."""
    if record.molecule is None or not record.molecule.elements.all():  # a dummy atom is no element
        return record
    mol = separated_charges(record.molecule.to_rdkit())
    return replace(record, molecule=Molecule.from_rdkit(mol, id=record.id, properties=record.properties))
