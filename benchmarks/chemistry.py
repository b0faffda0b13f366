"""The dipole reward against the `xtb` program, on drug-like molecules, with times.

    python benchmarks/chemistry.py --out chemistry.json

Both start from the same ETKDG embedding: the program by `xtb mol.xyz --gfnff --opt` and `xtb xtbopt.xyz --gfn 2`, the
reward in this process on one core. Prints medians and writes every molecule's figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np

from molvm.chem.engines.base import SinglePoint
from molvm.chem.engines.tblite import TBLite
from molvm.chem.engines.xtb import XTBPython
from molvm.chem.io import read_molecules
from molvm.chem.molecule import Molecule
from molvm.rewards.dipole import Dipole

DEFAULT_MOLECULES = Path(__file__).parent.parent / "tests" / "chem" / "data" / "drug_like.smi"
SAME_ENERGY = 1e-5
"""Eh; relaxed energies that are nearer than this belong to one minimum."""

_ENERGY = re.compile(r"TOTAL ENERGY\s+(\S+) Eh")
_NORM = re.compile(r"molecular dipole:.*?full:\s+\S+\s+\S+\s+\S+\s+(\S+)", re.DOTALL)


def run_xtb(directory: Path, *arguments: str) -> str:
    """The standard output of the `xtb` program.

    Args:
        directory: Where it runs and leaves its files.
        arguments: Its command line.
    """
    finished = subprocess.run(["xtb", *arguments], cwd=directory, capture_output=True, text=True, check=True)
    return finished.stdout


@dataclass(frozen=True)
class ByProgram:
    """|μ| in debye, the relaxed GFN-FF energy in Eh, and the wall time in seconds of the `xtb` program."""

    dipole: float
    energy: float
    seconds: float


def by_program(molecule: Molecule) -> ByProgram:
    """GFN-FF relaxation and GFN2 single point by the `xtb` program alone."""
    from rdkit import Chem

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "molecule.xyz").write_text(Chem.MolToXYZBlock(molecule.to_rdkit(), precision=12))
        started = time.perf_counter()
        relaxation = run_xtb(directory, "molecule.xyz", "--gfnff", "--opt")
        output = run_xtb(directory, "xtbopt.xyz", "--gfn", "2")
        seconds = time.perf_counter() - started
    match, energies = _NORM.search(output), _ENERGY.findall(relaxation)
    if match is None or not energies:
        raise RuntimeError(f"xtb printed no dipole or no energy for {molecule.id}")
    return ByProgram(float(match.group(1)), float(energies[-1]), seconds)


def compare(molecules: list[Molecule], engine: SinglePoint) -> list[dict[str, float | str]]:
    """The reward and the program on each molecule."""
    reward = Dipole(engine=engine)
    # A copy: what is computed for a molecule object is not computed again.
    reward([replace(molecules[0])])
    rows: list[dict[str, float | str]] = []
    for molecule in molecules:
        outcome = reward.outcome(molecule)
        if outcome.value is None:
            raise RuntimeError(f"{molecule.id}: {outcome.failure}")
        reference = by_program(molecule)
        rows.append(
            {
                "id": molecule.id,
                "atoms": molecule.n_atoms,
                "dipole": outcome.value,
                "dipole_program": reference.dipole,
                "energy": outcome.details["gfnff_energy"],
                "energy_program": reference.energy,
                "seconds": outcome.seconds,
                "seconds_program": reference.seconds,
                "relaxation_steps": outcome.details["relaxation_steps"],
                "relaxation_seconds": outcome.details["relaxation_seconds"],
                "single_point_seconds": outcome.details["single_point_seconds"],
            }
        )
    return rows


def summarise(rows: list[dict[str, float | str]]) -> dict[str, float]:
    """Medians and extremes of the comparison."""

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    difference = np.abs(column("dipole") - column("dipole_program"))
    lower = column("energy_program") - column("energy")
    same = np.abs(lower) <= SAME_ENERGY
    return {
        "molecules": len(rows),
        "median_atoms": float(np.median(column("atoms"))),
        "median_abs_difference_debye": float(np.median(difference)),
        "p90_abs_difference_debye": float(np.quantile(difference, 0.9)),
        "max_abs_difference_debye": float(difference.max()),
        "same_minimum": int(same.sum()),
        "max_abs_difference_in_the_same_minimum": float(difference[same].max(initial=0.0)),
        "lower_than_the_program": int((lower > SAME_ENERGY).sum()),
        "higher_than_the_program": int((lower < -SAME_ENERGY).sum()),
        "median_seconds": float(np.median(column("seconds"))),
        "max_seconds": float(column("seconds").max()),
        "median_seconds_program": float(np.median(column("seconds_program"))),
        "median_relaxation_steps": float(np.median(column("relaxation_steps"))),
        "median_relaxation_seconds": float(np.median(column("relaxation_seconds"))),
        "median_single_point_seconds": float(np.median(column("single_point_seconds"))),
    }


def main() -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=Path, default=DEFAULT_MOLECULES, help="SMILES or SDF file")
    parser.add_argument("--engine", choices=("tblite", "xtb"), default="tblite")
    parser.add_argument("--out", type=Path, default=Path("chemistry.json"))
    arguments = parser.parse_args()
    records = read_molecules(arguments.molecules)
    molecules = [record.molecule for record in records if record.molecule is not None]
    engine: SinglePoint = TBLite() if arguments.engine == "tblite" else XTBPython()
    rows = compare(molecules, engine)
    summary = summarise(rows)
    for name, value in summary.items():
        print(f"{name:32s} {value:10.4g}")
    arguments.out.write_text(json.dumps({"engine": engine.name, "summary": summary, "molecules": rows}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
