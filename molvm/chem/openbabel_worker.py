"""The process that talks to Open Babel, which is under the GPL: molvm's own never import it.

Each line of the standard input is a request, a JSON object; a line of the standard output is the reply to it. When
there are no more requests, the process ends. A script of its own: it imports nothing of molvm, and is run by its path.
"""

from __future__ import annotations

import json
import math
import os
import sys
from importlib import metadata
from typing import Any

MOST_EMPTY = 1000
"""Records without atoms in a row, behind which no more are looked for: of some files it finds them for ever."""


def formats(request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """The names of the formats that can be read and written, with what Open Babel calls them."""
    conversion = ob.OBConversion()
    readable, writable = conversion.GetSupportedInputFormat(), conversion.GetSupportedOutputFormat()
    return {"readable": _described(readable), "writable": _described(writable)}


def _described(lines: Any) -> dict[str, str]:
    return {name: text for name, _, text in (line.partition(" -- ") for line in lines)}


def read(request: dict[str, Any]) -> dict[str, Any]:
    """The records of the file `path` in `format` as the text of an SD file, and why it could not go on, if it says."""
    source, target, mol = ob.OBConversion(), ob.OBConversion(), ob.OBMol()
    source.SetInFormat(request["format"])
    target.SetOutFormat("sdf")
    parts: list[str] = []
    filled = 0
    found = source.ReadFile(mol, request["path"])
    while found and len(parts) - filled < MOST_EMPTY:
        if mol.GetTitle() == request["path"]:  # which Open Babel takes where there is no title
            mol.SetTitle("")
        parts.append(target.WriteString(mol))
        filled = len(parts) if mol.NumAtoms() else filled
        mol.Clear()
        found = source.Read(mol)
    complaints = ob.obErrorLog.GetMessagesOfLevel(ob.obError)
    return {
        # Behind the last of several models in a PDB file Open Babel sees one more, without atoms.
        "sdf": "".join(parts[:filled]),
        "complaint": complaints[-1].strip().splitlines()[-1].strip() if complaints else "",
    }


def write(request: dict[str, Any]) -> dict[str, Any]:
    """Write records of SD files, `sdf`, to the file `path` in `format`."""
    source, target, mol = ob.OBConversion(), ob.OBConversion(), ob.OBMol()
    source.SetInFormat("sdf")
    target.SetOutFormat(request["format"])
    records = request["sdf"]
    if len(records) > 1 and target.GetOutFormat().Flags() & ob.WRITEONEONLY:
        return {"refused": f"a file of format {request['format']!r} holds one molecule, not {len(records)}"}
    for number, record in enumerate(records, start=1):
        mol.Clear()
        # Some formats close a bracket behind the last molecule.
        target.SetLast(number == len(records))
        if not source.ReadString(mol, record):
            return {"refused": f"molecule {number} is not understood"}
        if not (target.WriteFile(mol, request["path"]) if number == 1 else target.Write(mol)):
            return {"refused": f"molecule {number} cannot be written"}
    target.CloseOutFile()
    return {}


def perceive(request: dict[str, Any]) -> dict[str, Any]:
    """The bonds between atoms of known `elements` and `positions`: atom, atom, order, each."""
    mol = ob.OBMol()
    mol.BeginModify()
    for element, position in zip(request["elements"], request["positions"], strict=True):
        atom = mol.NewAtom()
        atom.SetAtomicNum(element)
        atom.SetVector(*position)
    mol.EndModify()
    mol.ConnectTheDots()
    mol.PerceiveBondOrders()
    bonds = ob.OBMolBondIter(mol)
    return {
        "bonds": [[bond.GetBeginAtomIdx() - 1, bond.GetEndAtomIdx() - 1, bond.GetBondOrder()] for bond in bonds],
    }


def descriptors(request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """What each descriptor that is a number is called, and the version of Open Babel."""
    lines = ob.vectorString()
    ob.OBPlugin.ListAsVector("descriptors", None, lines)
    methane = read_smiles("C")
    described = {name: text.strip() for name, _, text in (line.partition(" ") for line in lines)}
    numbers = {name: text for name, text in described.items() if math.isfinite(predicted(name, methane))}
    return {"version": f"{ob.OBReleaseVersion()}{packaged()}", "names": numbers}


def packaged() -> str:
    """The version of the wheel, which Open Babel itself does not tell; nothing where it came otherwise."""
    try:
        return f" ({metadata.version('openbabel-wheel')})"
    except metadata.PackageNotFoundError:
        return ""


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """The `descriptor` of the molecule `smiles`; not a number where there is none."""
    mol = read_smiles(request["smiles"])
    if mol is None:
        return {"refused": f"the molecule {request['smiles']!r} is not understood"}
    return {"value": predicted(request["descriptor"], mol)}


def read_smiles(smiles: str) -> Any:
    """The molecule, or None."""
    conversion, mol = ob.OBConversion(), ob.OBMol()
    conversion.SetInFormat("smi")
    return mol if conversion.ReadString(mol, smiles) and mol.NumAtoms() else None


def predicted(descriptor: str, mol: Any) -> float:
    """The value of a descriptor; not a number if it is a text, needs an argument, or is not there."""
    found = ob.OBDescriptor.FindType(descriptor)
    return math.nan if found is None else float(found.Predict(mol))


VERBS = {
    "formats": formats,
    "read": read,
    "write": write,
    "perceive": perceive,
    "descriptors": descriptors,
    "describe": describe,
}


if __name__ == "__main__":
    # What the library prints must not come between the replies.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    missing = ""
    try:
        from openbabel import openbabel as ob
    except ImportError as error:
        missing = str(error)
    with answers:
        for line in sys.stdin:
            asked = json.loads(line)
            reply = {"missing": missing} if missing else VERBS[asked["verb"]](asked)
            answers.write(json.dumps(reply) + "\n")
            answers.flush()
