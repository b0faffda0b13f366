"""How well molecules keep a scaffold: `python benchmarks/scaffold.py --scaffolds C1CCNC1 c1ccncc1 -n 32`.

For each scaffold: molecules drawn to have it, of sizes between 16 and 20 atoms, how many have it, how many are strictly
valid and connected, and what one costs in time against one of the base; and beside them molecules of the same sizes
that nothing steers: how many of those have the scaffold somewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from rdkit import Chem

import molvm
from molvm.chem.molecule import Molecule
from molvm.chem.rdkit_bridge import sanitised
from molvm.chem.validity import is_valid_and_connected
from molvm.cli.allocator import keep_freed_memory
from molvm.evaluation.intervals import wilson
from molvm.runs.keeping import keeping
from molvm.runs.samples import SampleSet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--scaffolds", nargs="+", default=["C1CCNC1", "C1COC1", "c1ccncc1"])
    parser.add_argument("--atoms", default="16-20")
    parser.add_argument("-n", type=int, default=32)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    base, seconds = drawn(options, None)
    record: dict[str, Any] = {
        **{key: value for key, value in vars(options).items() if key != "out"},
        "base": {"valid": share([is_valid_and_connected(m) for m in base]), "seconds": seconds},
        "scaffolds": {},
    }
    for scaffold in options.scaffolds:
        part = keeping(molvm.load_model(options.model), scaffold).part
        found, spent = drawn(options, scaffold)
        valid = [is_valid_and_connected(molecule) for molecule in found]
        kept = [part.is_kept(molecule) for molecule in found]
        record["scaffolds"][scaffold] = {
            "kept": share(kept),
            "valid": share(valid),
            "kept_of_valid": share([k for k, v in zip(kept, valid, strict=True) if v]),
            "seconds": spent,
            "of_the_base": share([contains(molecule, scaffold) for molecule in base]),
        }
        print(scaffold, json.dumps(record["scaffolds"][scaffold]), flush=True)
        if options.out is not None:
            options.out.write_text(json.dumps(record, indent=1) + "\n")


def drawn(options: argparse.Namespace, scaffold: str | None) -> tuple[SampleSet, float]:
    """The molecules, and seconds a molecule."""
    started = time.perf_counter()
    found = molvm.sample(
        options.model, options.n, steps=options.steps, atoms=options.atoms, scaffold=scaffold, seed=options.seed
    )
    return found, (time.perf_counter() - started) / options.n


def contains(molecule: Molecule, scaffold: str) -> bool:
    """Whether a molecule that RDKit can sanitise has the scaffold somewhere."""
    mol = sanitised(molecule)
    return not isinstance(mol, str) and mol.HasSubstructMatch(Chem.MolFromSmiles(scaffold))


def share(found: list[bool]) -> dict[str, float]:
    """A share with its interval."""
    return asdict(wilson(sum(found), len(found)))


if __name__ == "__main__":
    main()
