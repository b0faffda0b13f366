"""An engine of its own: a program that reads an XYZ file and answers with energy, gradient, dipole and orbitals.

This one asks tblite for GFN2-xTB; put your program in its place. What the answer may hold is in
`molvm/chem/engines/external_answer.py`; a program in any language will do, and needs nothing of molvm.

molvm score examples/ligands.smi --out scores.csv --reward "dipole(engine=external,
    program='python examples/engine.py {xyz} {charge} {unpaired} {task}')"
molvm score examples/ligands.smi --out scores.csv --reward "gap(relaxation=external, engine=external,
    program='python examples/engine.py {xyz} {charge} {unpaired} {task}')"
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from tblite.exceptions import TBLiteRuntimeError, TBLiteValueError
from tblite.interface import Calculator

ANGSTROM_PER_BOHR = 0.529177210903

GRADIENT_ACCURACY = 0.1
"""Of tblite's thresholds, tighter than usual: a relaxation compares energies to 1e-6 Eh."""


def computed(path: Path, charge: int, unpaired: int, task: str) -> dict[str, Any]:
    """The answer for the molecule in a file."""
    atoms = [line.split() for line in path.read_text(encoding="utf-8").splitlines()[2:]]
    numbers = np.array([Chem.GetPeriodicTable().GetAtomicNumber(symbol) for symbol, *_ in atoms])
    positions = np.array([where for _, *where in atoms], dtype=np.float64) / ANGSTROM_PER_BOHR
    calculator = Calculator("GFN2-xTB", numbers, positions, charge=float(charge), uhf=unpaired)
    calculator.set("verbosity", 0)
    if task == "gradient":
        calculator.set("accuracy", GRADIENT_ACCURACY)
    result = calculator.singlepoint()
    return {
        "energy": float(result.get("energy")),
        "gradient": result.get("gradient").tolist(),
        "dipole": result.get("dipole").tolist(),
        "orbital_energies": result.get("orbital-energies").tolist(),
        "orbital_occupations": result.get("orbital-occupations").tolist(),
    }


def main() -> None:
    """Answer in one line; an error that is no fault of the molecule's may end the program instead."""
    path, charge, unpaired, task = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    try:
        answer = computed(path, charge, unpaired, task)
    except (TBLiteRuntimeError, TBLiteValueError) as error:
        answer = {"failure": str(error)}
    sys.stdout.write(json.dumps({"protocol": 1, **answer}) + "\n")


if __name__ == "__main__":
    main()
