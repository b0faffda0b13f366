"""Which valencies an element may have at which formal charge: packaged tables, and tables derived from data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from molvm.datasets.store import MoleculeDataset
from molvm.errors import EvaluationError, UnknownNameError

Convention: TypeAlias = Literal["integer", "float"]

CONVENTIONS: Final[dict[str, Convention]] = {"integer": "integer", "float": "float"}
ANY_CHARGE: Final = "any"
TABLE_NAMES: Final = ("drugs", "geom", "midi", "qm9")


@dataclass(frozen=True)
class ValencyTable:
    """Allowed valencies by atomic number and formal charge.

    Attributes:
        name: What it is called.
        convention: How valencies are summed for it; see `molvm.evaluation.stability.valencies`.
        charge_fallback: Whether a charge that is not listed takes the entry of the neutral atom (FlowMol v0.1 and
            MiDi do so) rather than being unstable (FlowMol v3).
        allowed: Atomic number to formal charge to valencies; the charge None stands for every charge.
    """

    name: str
    convention: Convention
    charge_fallback: bool
    allowed: Mapping[int, Mapping[int | None, frozenset[float]]]

    def valencies(self, atomic_number: int, charge: int) -> frozenset[float]:
        """The valencies such an atom may have; empty if the table knows none."""
        of_element = self.allowed.get(atomic_number, {})
        for key in (charge, None, *((0,) if self.charge_fallback else ())):
            if key in of_element:
                return of_element[key]
        return frozenset()


@cache
def load_valency_table(name: str) -> ValencyTable:
    """A packaged table: "midi" (permissive, FlowMol v0.1), "geom" (GEOM-Drugs, kekulised, FlowMol v3), "qm9", "drugs".

    Raises:
        UnknownNameError: There is no table of that name.
    """
    if name not in TABLE_NAMES:
        raise UnknownNameError("valency table", name, TABLE_NAMES)
    text = resources.files("molvm.evaluation").joinpath(f"tables/valencies_{name}.json").read_text(encoding="utf-8")
    return parse_table(json.loads(text))


def parse_table(document: Mapping[str, Any]) -> ValencyTable:
    """Reads a table from its JSON document.

    Raises:
        EvaluationError: The document is no valency table.
    """
    from rdkit import Chem

    periodic = Chem.GetPeriodicTable()
    try:
        allowed = {
            int(periodic.GetAtomicNumber(symbol)): MappingProxyType(
                {
                    None if charge == ANY_CHARGE else int(charge): frozenset(float(value) for value in values)
                    for charge, values in of_element.items()
                }
            )
            for symbol, of_element in document["valencies"].items()
        }
        convention = CONVENTIONS[document["convention"]]
        fallback = bool(document["charge_fallback"])
        return ValencyTable(str(document["name"]), convention, fallback, MappingProxyType(allowed))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise EvaluationError(f"This is no valency table: {error!r}.") from error


def derive_table(dataset: MoleculeDataset, split: str = "train") -> dict[str, Any]:
    """Every valency that occurs in a split of a kekulised dataset, as the JSON document of a table.

    Args:
        dataset: Whose molecules to count.
        split: Which of them.

    Returns:
        A document for `parse_table`; beside the valencies it holds how many atoms showed each of them.

    Raises:
        EvaluationError: The split is empty.
    """
    counts: dict[tuple[str, int, int], int] = {}
    sizes, _ = dataset.size_histogram(split)
    if not len(sizes):
        raise EvaluationError(f"The split {split!r} of the dataset has no molecules.")
    for size in sizes.tolist():
        batch = dataset.gather(dataset.indices(split, size))
        valency = batch.bonds.sum(axis=-1, dtype=np.int64)
        rows = np.stack([batch.types.astype(np.int64), batch.charges.astype(np.int64), valency], axis=-1).reshape(-1, 3)
        unique, number = np.unique(rows, axis=0, return_counts=True)
        for (kind, charge, value), count in zip(unique.tolist(), number.tolist(), strict=True):
            key = (dataset.elements[kind], charge, value)
            counts[key] = counts.get(key, 0) + count
    return {
        "name": str(dataset.manifest["name"]),
        "convention": "float",
        "charge_fallback": False,
        "source": f"every valency in the {split} split, {len(dataset.indices(split))} molecules",
        "valencies": _nested(counts, lambda values: sorted(values)),
        "atoms": _nested(counts, lambda values: {str(value): values[value] for value in sorted(values)}),
    }


def _nested(counts: Mapping[tuple[str, int, int], int], finish: Any) -> dict[str, dict[str, Any]]:
    tree: dict[str, dict[str, dict[int, int]]] = {}
    for (symbol, charge, value), count in sorted(counts.items()):
        tree.setdefault(symbol, {}).setdefault(str(charge), {})[value] = count
    return {
        symbol: {charge: finish(values) for charge, values in of_element.items()} for symbol, of_element in tree.items()
    }
