"""The engines against one another on drug-like molecules.

    python benchmarks/engines.py --molecules 250 --out engines.json

GFN-FF by `gfnff` and by xtb-python at the same geometry, and GFN2 dipoles by tblite and by xtb-python at the geometry
where GFN-FF converges. Takes rows of MOSES as `molvm data drugs` does. One core, about half a second a molecule.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np

from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.engines.tblite import TBLite
from molvm.chem.engines.xtb import XTBForceField, XTBPython
from molvm.chem.molecule import Molecule
from molvm.chem.relax import relax
from molvm.chem.units import ANGSTROM_PER_BOHR, DEBYE_PER_ATOMIC_UNIT
from molvm.datasets.from_smiles import embedded
from molvm.datasets.moses import package_files, read_smiles

SAME_ENERGY = 1e-6
"""Eh."""

SAME_DIPOLE = 0.01
"""Debye."""


def compare(molecule: Molecule) -> dict[str, object]:
    """Differences of energy (Eh), largest gradient component (Eh/a₀) and dipole (D)."""
    elements, embedding = molecule.elements, molecule.positions / ANGSTROM_PER_BOHR
    ours, theirs = (made(elements, embedding).energy_and_gradient(embedding) for made in (GFNFF, XTBForceField))
    relaxation = relax(molecule)
    relaxed = relaxation.positions / ANGSTROM_PER_BOHR
    dipoles = [np.linalg.norm(engine(elements, relaxed, 0).dipole) for engine in (TBLite(), XTBPython())]
    return {
        "smiles": molecule.smiles(),
        "atoms": molecule.n_atoms,
        "steps": relaxation.n_steps,
        "energy": abs(ours[0] - theirs[0]),
        "gradient": float(np.abs(ours[1] - theirs[1]).max()),
        "dipole": abs(float(dipoles[0] - dipoles[1])) * DEBYE_PER_ATOMIC_UNIT,
    }


def main() -> int:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=250)
    parser.add_argument("--out", type=Path, default=Path("engines.json"))
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for row, smiles in enumerate(read_smiles(package_files())[: options.molecules]):
        molecule = embedded(smiles, row, 0)
        if isinstance(molecule, Molecule):
            rows.append(compare(molecule))
    energy, gradient, dipole = (np.array([row[name] for row in rows]) for name in ("energy", "gradient", "dipole"))
    print(f"{len(rows)} molecules of {np.mean([row['atoms'] for row in rows]):.1f} atoms in the mean")
    print(f"A relaxation: {np.mean([row['steps'] for row in rows]):.1f} gradients in the mean")
    print(f"GFN-FF energy: {np.sum(energy <= SAME_ENERGY)} within {SAME_ENERGY:g} Eh, largest {energy.max():.2g} Eh")
    print(f"GFN-FF gradient: largest {gradient[energy <= SAME_ENERGY].max():.2g} Eh/a0 apart where the energies agree")
    print(f"GFN2 dipole: {np.sum(dipole <= SAME_DIPOLE)} within {SAME_DIPOLE:g} D, largest {dipole.max():.2g} D")
    for row in rows:
        if row["energy"] > SAME_ENERGY or row["dipole"] > SAME_DIPOLE:  # type: ignore[operator]
            print(f"  apart: {row['smiles']}  {row['energy']:.2g} Eh  {row['dipole']:.2g} D")
    options.out.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
