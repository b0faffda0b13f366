"""What molecules are measured against: a table of valencies, a reference, a training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molvm.chem.molecule import Molecule
    from molvm.evaluation import Reference, ValencyTable

DEFAULT_TABLE = "qm9"


@dataclass(frozen=True)
class Yardsticks:
    """What molecules are measured against.

    Args:
        table: The valencies that make an atom stable.
        reference: Distributions of a training set, if one is known.
    """

    table: ValencyTable
    reference: Reference | None


def yardsticks(table: str | None, reference: str | None, dataset: str | None) -> Yardsticks:
    """Those that are named, else those of the dataset, else the table of QM9 and no reference.

    Args:
        table: Name of a table, as the user gave it.
        reference: Name of a reference, likewise; without `table` it names that too.
        dataset: What the model was trained on.

    Raises:
        UnknownNameError: There is no table or reference of that name.
    """
    from molvm.evaluation import load_reference, load_valency_table
    from molvm.evaluation.reference import REFERENCE_NAMES
    from molvm.evaluation.valency_tables import TABLE_NAMES

    known = reference or (dataset if dataset in REFERENCE_NAMES else None)
    valencies = table or (known if known in TABLE_NAMES else DEFAULT_TABLE)
    return Yardsticks(load_valency_table(valencies), None if known is None else load_reference(known))


def training_smiles(name: str) -> frozenset[str] | None:
    """The SMILES of a dataset's training molecules; None, and a line on stderr, where it is not built."""
    from molvm.cli.console import counting_bar, say
    from molvm.datasets.registry import build_command, is_built, load_dataset
    from molvm.evaluation import known_smiles

    if not is_built(name):
        say(f"Novelty is not measured: the dataset {name} is not built here ({build_command(name)}).")
        return None
    with counting_bar("reading the training set") as progress:
        return known_smiles(load_dataset(name), progress=progress)


def elements_unknown_to(table: ValencyTable, molecules: Sequence[Molecule]) -> list[str]:
    """Symbols of the elements of the molecules of which the table has no valency."""
    from rdkit import Chem

    present = {number for molecule in molecules for number in molecule.elements.tolist()}
    periodic = Chem.GetPeriodicTable()
    return [periodic.GetElementSymbol(number) for number in sorted(present - set(table.allowed)) if 0 < number <= 118]
