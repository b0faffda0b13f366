"""The metrics of molecules, with progress on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molvm.chem.molecule import Molecule
    from molvm.cli.yardsticks import Yardsticks
    from molvm.evaluation import Summary
    from molvm.evaluation.posebusters import PoseBustersTests
    from molvm.rewards.pools import Pool


def measured(
    molecules: Sequence[Molecule],
    against: Yardsticks,
    pool: Pool,
    *,
    strain: bool,
    tests: Sequence[PoseBustersTests],
) -> Summary:
    """As `molvm.evaluation.summarise`, a bar for each part of the work.

    Args:
        molecules: At least one.
        against: What they are measured against.
        pool: Where they are relaxed and tested; it is closed.
        strain: Whether to relax them.
        tests: The parts of PoseBusters' tests that are wanted.

    Raises:
        EvaluationError: There are no molecules.
    """
    from molvm.cli.console import counting_bar
    from molvm.cli.yardsticks import training_smiles
    from molvm.evaluation.examination import examine_all, with_posebusters, with_strain
    from molvm.evaluation.metrics import summarise_verdicts

    @contextmanager
    def bar(what: str) -> Iterator[Callable[[int], None]]:
        with counting_bar(what) as progress:
            yield lambda done: progress(done, len(molecules))

    with pool:
        known = None if against.reference is None else training_smiles(against.reference.name)
        with bar("measuring") as progress:
            verdicts = examine_all(molecules, against.table, progress=progress)
        if strain:
            with bar("relaxing") as progress:
                verdicts = with_strain(verdicts, molecules, pool, progress)
        for part in tests:
            with bar(f"PoseBusters, {part.part}") as progress:
                verdicts = with_posebusters(verdicts, molecules, pool, part, progress)
    return summarise_verdicts(verdicts, table_name=against.table.name, reference=against.reference, known=known)
