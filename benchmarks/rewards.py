"""What the reward layer costs: `python benchmarks/rewards.py --out rewards.json`, all figures of one run.

On drug-like molecules of 35 to 50 atoms (rows of MOSES, embedded as `molvm data drugs` does):

- the dipole reward against the `xtb` program, molecule by molecule in turn, both on one core from the same embedding
  (`--gfnff --opt`, then `--gfn 2`), and against `xtb --hess`, which is what the authors' library runs;
- the share of two workers' time that is spent on molecules, from the outcomes' own seconds;
- an outcome that is known already;
- the start of the first worker of a process and of another, their memory, and what a thousand evaluations add to it.

Leave the machine alone meanwhile. Takes some ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np
from chemistry import by_program, run_xtb

from molvm.chem.molecule import Molecule
from molvm.datasets.from_smiles import embedded
from molvm.datasets.moses import package_files, read_smiles
from molvm.rewards import WorkerPool, dipole
from molvm.rewards.base import Direction, MoleculeReward, Outcome
from molvm.rewards.cache import OutcomeCache

SIZES = range(35, 51)


@dataclass(frozen=True)
class Memory(MoleculeReward):
    """Resident memory of the worker in MB, after it has evaluated a dipole or nothing."""

    loads: bool = False
    name: str = "memory"
    unit: str = "MB"
    direction: Direction = "minimise"
    floor: float | None = None

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The memory, and the process."""
        if self.loads:
            dipole().outcome(molecule)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return self.succeed(molecule, pages * os.sysconf("SC_PAGE_SIZE") / 2**20, {"process": float(os.getpid())})


def drug_like(count: int) -> list[Molecule]:
    """So many embedded molecules of the right size."""
    molecules: list[Molecule] = []
    for row, smiles in enumerate(read_smiles(package_files())):
        molecule = embedded(smiles, row, 0)
        if isinstance(molecule, Molecule) and molecule.n_atoms in SIZES:
            molecules.append(molecule)
        if len(molecules) == count:
            return molecules
    raise RuntimeError("MOSES has too few molecules of that size")


def against_program(molecules: list[Molecule], hessians: int) -> dict[str, float]:
    """Seconds a molecule of the reward, of the program in the same two steps, and of its Hessian."""
    reward, ours, theirs, differences = dipole(), [], [], []
    reward.outcome(replace(molecules[0]))
    for molecule in molecules:
        reference = by_program(molecule)
        outcome = reward.outcome(molecule)
        if outcome.value is None:
            continue
        ours.append(outcome.seconds)
        theirs.append(reference.seconds)
        differences.append(abs(outcome.value - reference.dipole))
    hessian = [hessian_seconds(molecule) for molecule in molecules[:hessians]]
    return {
        "molecules": len(ours),
        "seconds": float(np.mean(ours)),
        "seconds_program": float(np.mean(theirs)),
        "seconds_hessian": float(np.mean(hessian)),
        "faster_than_program": float(np.sum(theirs) / np.sum(ours)),
        "faster_than_hessian": float(np.mean(hessian) / np.mean(ours)),
        "median_difference_debye": float(np.median(differences)),
    }


def hessian_seconds(molecule: Molecule) -> float:
    """Wall time of `xtb --hess` from the embedding, relaxed by the program first, which is not counted."""
    from rdkit import Chem

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "molecule.xyz").write_text(Chem.MolToXYZBlock(molecule.to_rdkit(), precision=12))
        run_xtb(directory, "molecule.xyz", "--gfnff", "--opt")
        started = time.perf_counter()
        run_xtb(directory, "xtbopt.xyz", "--gfn", "2", "--hess")
        return time.perf_counter() - started


def pool_efficiency(molecules: list[Molecule], workers: int) -> dict[str, float]:
    """Share of the workers' time that the molecules took, once the workers run."""
    with WorkerPool(workers) as pool:
        pool.score(dipole(), molecules[: 4 * workers])
        started = time.perf_counter()
        outcomes = pool.score(dipole(), [replace(molecule) for molecule in molecules])
        wall = time.perf_counter() - started
    busy = sum(outcome.seconds for outcome in outcomes)
    return {"workers": workers, "wall_seconds": wall, "efficiency": busy / (workers * wall)}


def known_outcomes(molecules: list[Molecule]) -> dict[str, float]:
    """Milliseconds a molecule where the outcome is known."""
    with tempfile.TemporaryDirectory() as folder, WorkerPool(1, cache=OutcomeCache(Path(folder))) as pool:
        pool.score(dipole(), molecules)
        started = time.perf_counter()
        pool.score(dipole(), [replace(molecule) for molecule in molecules])
        return {"milliseconds": 1000 * (time.perf_counter() - started) / len(molecules)}


def worker_start(molecule: Molecule) -> dict[str, float]:
    """Seconds from nothing to the first answer of one worker, and its memory before and after a first dipole."""
    with WorkerPool(1) as pool:
        started = time.perf_counter()
        (empty,) = pool.score(Memory(), [molecule])
        seconds = time.perf_counter() - started
        (loaded,) = pool.score(Memory(loads=True), [molecule])
    return {"seconds": seconds, "megabytes": float(empty.value or 0), "megabytes_loaded": float(loaded.value or 0)}


def growth(molecules: list[Molecule], evaluations: int) -> dict[str, float]:
    """Largest growth of a worker's memory over its life, in MB, and how many workers there were."""
    with WorkerPool(1) as pool:
        several = [replace(molecules[i % len(molecules)], id=str(i)) for i in range(evaluations)]
        outcomes = pool.score(Memory(loads=True), several)
    lives: dict[float, list[float]] = {}
    for outcome in outcomes:
        if outcome.value is not None:
            lives.setdefault(float(outcome.details["process"]), []).append(outcome.value)
    grown = [max(values) - values[min(10, len(values) - 1)] for values in lives.values()]
    return {"evaluations": evaluations, "workers": len(lives), "largest_growth_megabytes": max(grown)}


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=60)
    parser.add_argument("--hessians", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("rewards.json"))
    options = parser.parse_args()
    molecules = drug_like(options.molecules)
    figures = {
        # The first worker of a process waits for the server that forks it.
        "first_worker": worker_start(molecules[0]),
        "program": against_program(molecules, options.hessians),
        "pool": pool_efficiency(molecules * 4, options.workers),
        "known": known_outcomes(molecules),
        "worker": worker_start(molecules[0]),
        "growth": growth(molecules, options.evaluations),
    }
    for name, group in figures.items():
        print(name, {key: round(value, 4) for key, value in group.items()})
    options.out.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
