"""The tables of QM9 that come with molvm, made anew from the dataset (two minutes on one core).

    molvm data qm9
    python benchmarks/tables.py molvm/evaluation/tables

Writes `valencies_qm9.json`, every valency of the training split, and `reference_qm9.json`, its distributions. The other
tables of valencies are those of FlowMol and MiDi. A slow test holds the packaged tables against the dataset.
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
from molvm.durable import replace_text
from molvm.evaluation.reference import derive_reference
from molvm.evaluation.valency_tables import derive_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder to write to")
    out: Path = parser.parse_args().out

    dataset = load_dataset("qm9")
    replace_text(out / "valencies_qm9.json", table_text(derive_table(dataset)))
    reference = derive_reference(
        dataset, progress=lambda done, total: print(f"\r{done}/{total}", end="", file=sys.stderr, flush=True)
    )
    replace_text(out / "reference_qm9.json", table_text(reference))
    print(file=sys.stderr)


def table_text(document: Mapping[str, Any]) -> str:
    """JSON with one line an entry, lists of numbers in one."""
    text = json.dumps(document, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda match: f"[{' '.join(match[0][1:-1].split())}]", text) + "\n"


if __name__ == "__main__":
    main()
