"""Metrics of generated molecules. Imports no torch.

Names are imported when they are first used: workers need single modules of this package, and not all of SciPy for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molvm.evaluation.intervals import Estimate as Estimate
    from molvm.evaluation.metrics import summarise as summarise
    from molvm.evaluation.novelty import known_smiles as known_smiles
    from molvm.evaluation.reference import Reference as Reference
    from molvm.evaluation.reference import load_reference as load_reference
    from molvm.evaluation.summary import Summary as Summary
    from molvm.evaluation.valency_tables import ValencyTable as ValencyTable
    from molvm.evaluation.valency_tables import load_valency_table as load_valency_table

_HOMES = {
    "Estimate": "intervals",
    "Reference": "reference",
    "Summary": "summary",
    "ValencyTable": "valency_tables",
    "known_smiles": "novelty",
    "load_reference": "reference",
    "load_valency_table": "valency_tables",
    "summarise": "metrics",
}
"""Name to the module it is in."""

__all__ = [
    "Estimate",
    "Reference",
    "Summary",
    "ValencyTable",
    "known_smiles",
    "load_reference",
    "load_valency_table",
    "summarise",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
