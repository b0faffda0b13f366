"""What the loose relaxation of the dataset `drugs` costs: bonds, angles, energies against a converged one.

    python benchmarks/drugs.py --molecules 500 --out drugs.json

Takes rows of MOSES as `molvm data drugs` does (seed 0), embeds each once, and relaxes it from there twice. One core.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np

from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria, relax
from molvm.datasets.from_smiles import LOOSE, embedded
from molvm.datasets.moses import package_files, read_smiles

KCAL_PER_HARTREE = 627.5094740631


def angle_atoms(molecule: Molecule) -> np.ndarray:
    """(k, 3): neighbour, centre, neighbour of every bond angle."""
    neighbours: dict[int, list[int]] = {}
    for first, second in molecule.bonds.tolist():
        neighbours.setdefault(first, []).append(second)
        neighbours.setdefault(second, []).append(first)
    triples = [
        (one, centre, other)
        for centre, around in neighbours.items()
        for place, one in enumerate(around)
        for other in around[:place]
    ]
    return np.array(triples, dtype=int).reshape(-1, 3)


def lengths(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """Bond lengths, Å."""
    return np.linalg.norm(positions[molecule.bonds[:, 0]] - positions[molecule.bonds[:, 1]], axis=1)


def angles(triples: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Bond angles, degrees."""
    one, other = (positions[triples[:, end]] - positions[triples[:, 1]] for end in (0, 2))
    cosine = np.einsum("ij,ij->i", one, other) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def compare(molecule: Molecule) -> dict[str, object] | None:
    """Differences loose minus converged, or None where one of the two fails or moves a bond."""
    started = time.perf_counter()
    loose = relax(molecule, LOOSE)
    middle = time.perf_counter()
    tight = relax(molecule, Criteria())
    ended = time.perf_counter()
    if not loose.converged or not tight.converged or loose.changed_bonds or tight.changed_bonds:
        return None
    triples = angle_atoms(molecule)
    return {
        "atoms": molecule.n_atoms,
        "bonds": (lengths(molecule, loose.positions) - lengths(molecule, tight.positions)).tolist(),
        "angles": (angles(triples, loose.positions) - angles(triples, tight.positions)).tolist(),
        "energy": (loose.energy - tight.energy) * KCAL_PER_HARTREE,
        "seconds": middle - started,
        "seconds_converged": ended - middle,
    }


def summarise(rows: list[dict[str, object]], seconds_embedding: float, tried: int) -> dict[str, float]:
    """Root mean squares, quantiles and extremes."""

    def spread(name: str, values: np.ndarray) -> dict[str, float]:
        return {
            f"{name}_rms": float(np.sqrt(np.mean(values**2))),
            f"{name}_mean": float(values.mean()),
            f"{name}_p99_abs": float(np.quantile(np.abs(values), 0.99)),
            f"{name}_max_abs": float(np.abs(values).max()),
        }

    energy = np.array([row["energy"] for row in rows], dtype=float)
    return {
        "molecules": len(rows),
        "left_out": tried - len(rows),
        "mean_atoms": float(np.mean([float(str(row["atoms"])) for row in rows])),
        **spread("bond_angstrom", np.concatenate([np.asarray(row["bonds"], dtype=float) for row in rows])),
        **spread("angle_degrees", np.concatenate([np.asarray(row["angles"], dtype=float) for row in rows])),
        "energy_kcal_mol_median": float(np.median(energy)),
        "energy_kcal_mol_p90": float(np.quantile(energy, 0.9)),
        "energy_kcal_mol_max": float(energy.max()),
        "seconds_embedding": seconds_embedding / tried,
        "seconds_loose": float(np.mean([float(str(row["seconds"])) for row in rows])),
        "seconds_converged": float(np.mean([float(str(row["seconds_converged"])) for row in rows])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("drugs.json"))
    arguments = parser.parse_args()
    smiles = read_smiles(package_files())
    chosen = np.random.RandomState(0).permutation(len(smiles))[: arguments.molecules].tolist()
    rows, seconds = [], 0.0
    for done, row in enumerate(chosen, start=1):
        started = time.perf_counter()
        molecule = embedded(smiles[row], row, 0)
        seconds += time.perf_counter() - started
        compared = compare(molecule) if isinstance(molecule, Molecule) else None
        if compared is not None:
            rows.append({"row": row, **compared})
        print(f"\r{done}/{len(chosen)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    summary = summarise(rows, seconds, len(chosen))
    for name, value in summary.items():
        print(f"{name:32s} {value:10.4g}")
    arguments.out.write_text(json.dumps({"loose": vars(LOOSE), "summary": summary, "molecules": rows}) + "\n")


if __name__ == "__main__":
    main()
