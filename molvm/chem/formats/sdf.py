"""SD files."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator

from rdkit import Chem, rdBase

from molvm.chem.formats.complete import completed
from molvm.chem.formats.record import MAX_RECORD_CHARACTERS, Record, note_of, title_or_number
from molvm.chem.molecule import Molecule, require_molecule
from molvm.errors import MoleculeError

END = "$$$$"


def read_sdf(lines: Iterable[str], *, as_written: bool = False) -> Iterator[Record]:
    """Records of an SD file, in order.

    Args:
        lines: The file's lines.
        as_written: Whether three-dimensional records are taken as they stand, without the hydrogens that they imply.
    """
    for number, (block, too_long) in enumerate(_blocks(lines), start=1):
        name = title_or_number(block.split("\n", 1)[0], number)
        yield Record(name, reason="the record is too long") if too_long else _parse(block, name, as_written)


def _blocks(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """The text of each record, and whether it had to be cut."""
    parts: list[str] = []
    size = 0
    for line in lines:
        if line.startswith(END):
            yield "".join(parts), size > MAX_RECORD_CHARACTERS
            parts, size = [], 0
            continue
        size += len(line)
        if size <= MAX_RECORD_CHARACTERS:
            parts.append(line)
    if "".join(parts).strip():
        yield "".join(parts), size > MAX_RECORD_CHARACTERS


def _parse(block: str, name: str, as_written: bool) -> Record:
    with rdBase.BlockLogs():
        supplier = Chem.SDMolSupplier()
        try:
            supplier.SetData(block, sanitize=False, removeHs=False)
            mol = supplier[0] if len(supplier) else None
        except (ValueError, RuntimeError, IndexError) as error:
            return Record(name, reason=str(error) or "RDKit cannot read it")
        if mol is None:
            return Record(name, reason="RDKit cannot read it")
        properties = {key: mol.GetProp(key) for key in mol.GetPropNames()}
    try:
        spatial = mol.GetNumConformers() > 0 and mol.GetConformer().Is3D()
        if as_written and mol.GetNumAtoms() and spatial:
            molecule = Molecule.from_rdkit(mol, id=name, properties=properties)
        else:
            molecule = completed(mol, name=name, properties=properties)
        return Record(name, molecule, properties=properties, note=note_of(mol), embedded=not spatial)
    except MoleculeError as error:
        return Record(name, reason=str(error), properties=properties)


def sdf_text(molecule: Molecule) -> str:
    """One record of an SD file, with the properties as data fields, of several lines where a property has them.

    Double bonds and stereocentres are written as the positions have them. The valences of atoms with open valences
    are written too, so that no reader completes them with hydrogens. A formal charge above the number of protons,
    which RDKit cannot write, becomes that number.

    Raises:
        MoleculeError: It is no `Molecule`, or an atomic number is outside 1 to 118.
    """
    mol = require_molecule(molecule, "An SD file").to_rdkit()
    for atom in mol.GetAtoms():
        atom.SetFormalCharge(min(atom.GetFormalCharge(), atom.GetAtomicNum()))
    mol.SetProp("_Name", _one_line(molecule.id))
    mol.UpdatePropertyCache(strict=False)
    with rdBase.BlockLogs():
        _assign_stereochemistry(mol)
        block = Chem.MolToMolBlock(mol, kekulize=False)
    fields = [
        f">  <{_one_line(str(name)).replace('<', '(').replace('>', ')')}>\n{_lines(str(value))}\n\n"
        for name, value in molecule.properties.items()
    ]
    return block + "".join(fields) + END + "\n"


def _assign_stereochemistry(mol: Chem.RWMol) -> None:
    """Take from the positions what RDKit would otherwise write as unknown: a crossed double bond."""
    # A broken molecule may have none, and is written all the same.
    with contextlib.suppress(ValueError, RuntimeError):
        Chem.FastFindRings(mol)
        Chem.AssignStereochemistryFrom3D(mol)


def _lines(text: str) -> str:
    """The lines of a data field without empty ones, which would end it; in one, if a reader could misread some."""
    lines = [line for each in re.split(r"\r\n|\r|\n", text) if (line := " ".join(each.split()))]
    unsafe = any(line.startswith((">", END)) for line in lines)
    return _one_line(text) if unsafe else "\n".join(lines)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return "" if line.startswith(END) else line
