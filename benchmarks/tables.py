"""The tables of a dataset that come with molvm, made anew from the dataset (minutes on one core).

    molvm data qm9
    python benchmarks/tables.py qm9 molvm/evaluation/tables
    python benchmarks/tables.py drugs molvm/evaluation/tables --directory data/cache/drugs33

Writes `valencies_NAME.json`, every valency of the training split, and `reference_NAME.json`, its distributions. The
other tables of valencies, and the reference of GEOM, are those that FlowMol and MiDi publish. The packaged tables of
drugs are those of `molvm data drugs --count 33000`. A slow test holds the packaged tables of QM9 against the dataset.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from molvm.datasets.registry import load_dataset
from molvm.datasets.store import MoleculeDataset
from molvm.durable import replace_text
from molvm.evaluation.reference import derive_reference
from molvm.evaluation.valency_tables import derive_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="its name, and that of the tables")
    parser.add_argument("out", type=Path, help="the folder to write to")
    parser.add_argument("--directory", type=Path, help="where the dataset lies, if not where molvm builds it")
    options = parser.parse_args()
    name: str = options.dataset

    dataset = MoleculeDataset.load(options.directory) if options.directory else load_dataset(name)
    replace_text(options.out / f"valencies_{name}.json", table_text(derive_table(dataset)))
    reference = derive_reference(
        dataset, progress=lambda done, total: print(f"\r{done}/{total}", end="", file=sys.stderr, flush=True)
    )
    replace_text(options.out / f"reference_{name}.json", table_text(reference))
    print(file=sys.stderr)


def table_text(document: Mapping[str, Any]) -> str:
    """JSON with one line an entry, lists of numbers in one."""
    text = json.dumps(document, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda match: f"[{' '.join(match[0][1:-1].split())}]", text) + "\n"


if __name__ == "__main__":
    main()
