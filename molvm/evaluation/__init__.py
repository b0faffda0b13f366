"""Metrics of generated molecules. Imports no torch."""

from __future__ import annotations

from molvm.evaluation.intervals import Estimate
from molvm.evaluation.metrics import Summary, summarise
from molvm.evaluation.novelty import known_smiles
from molvm.evaluation.reference import Reference, load_reference
from molvm.evaluation.valency_tables import ValencyTable, load_valency_table

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
