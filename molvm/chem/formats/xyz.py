"""XYZ files, one frame or many; bonds are perceived by RDKit for the total charge that the comment states, else 0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rdkit import Chem, rdBase

from molvm.chem.formats.record import Record, title_or_number
from molvm.chem.perception import perceive_bonds
from molvm.chem.validity import MAX_ATOMS
from molvm.errors import MoleculeError

CHARGE = re.compile(r"\bcharge\s*=\s*([+-]?\d{1,3})\b", re.IGNORECASE)
"""As ASE and extended XYZ write it."""

MAX_TITLE_CHARACTERS = 80
"""A longer comment is not a title."""


def read_xyz(lines: Iterable[str]) -> Iterator[Record]:
    """Records of an XYZ file, in order. After a line that should be a number of atoms and is not, nothing follows.

    Args:
        lines: The file's lines.
    """
    source = iter(lines)
    number = 0
    for line in source:
        if not line.strip():
            continue
        number += 1
        count = line.strip()
        if not count.isdecimal() or len(count) > 9:
            yield Record(str(number), reason=f"{count[:40]!r} is not a number of atoms; the rest of the file is unread")
            return
        comment = next(source, "").strip()
        name = title_or_number(comment if len(comment) <= MAX_TITLE_CHARACTERS else "", number)
        stated = CHARGE.search(comment)
        yield _frame(source, int(count), name, int(stated[1]) if stated else 0)


def _frame(source: Iterator[str], n_atoms: int, name: str, charge: int) -> Record:
    kept: list[str] = []
    for index in range(n_atoms):
        line = next(source, None)
        if line is None:
            return Record(name, reason=f"the file ends after {index} of {n_atoms} atoms")
        if n_atoms <= MAX_ATOMS:
            kept.append(line.strip())
    if n_atoms > MAX_ATOMS:
        return Record(name, reason=f"{n_atoms} atoms, more than {MAX_ATOMS}")
    with rdBase.BlockLogs():
        try:
            mol = Chem.MolFromXYZBlock("\n".join([str(n_atoms), "", *kept, ""]))
            if mol is None:
                return Record(name, reason="RDKit cannot read it")
            elements = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
            return Record(name, perceive_bonds(elements, mol.GetConformer().GetPositions(), charge=charge, id=name))
        except (ValueError, RuntimeError, MoleculeError) as error:
            return Record(name, reason=f"no bonds found: {str(error).strip() or type(error).__name__}")
