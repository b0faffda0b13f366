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


def measured(
    molecules: Sequence[Molecule],
    against: Yardsticks,
    *,
    strain: bool,
    tests: PoseBustersTests | None,
    workers: int | None,
    time_limit: float,
) -> Summary:
    """As `molvm.evaluation.summarise`, a bar for each part of the work.

    Args:
        molecules: At least one.
        against: What they are measured against.
        strain: Whether to relax them.
        tests: PoseBusters, if they are to be tested.
        workers: Processes for both; one a core by default.
        time_limit: Seconds that one molecule may take in them.

    Raises:
        EvaluationError: There are no molecules.
        RewardError: A number is not positive.
    """
    from molvm.cli.console import counting_bar
    from molvm.cli.yardsticks import training_smiles
    from molvm.evaluation.metrics import examine_all, summarise_verdicts, with_posebusters, with_strain
    from molvm.rewards.pool import WorkerPool

    @contextmanager
    def bar(what: str) -> Iterator[Callable[[int], None]]:
        with counting_bar(what) as progress:
            yield lambda done: progress(done, len(molecules))

    with WorkerPool(workers, time_limit=time_limit) as pool:
        known = None if against.reference is None else training_smiles(against.reference.name)
        with bar("measuring") as progress:
            verdicts = examine_all(molecules, against.table, progress=progress)
        if strain:
            with bar("relaxing") as progress:
                verdicts = with_strain(verdicts, molecules, pool, progress)
        if tests is not None:
            with bar("PoseBusters") as progress:
                verdicts = with_posebusters(verdicts, molecules, pool, tests, progress)
    return summarise_verdicts(verdicts, table_name=against.table.name, reference=against.reference, known=known)
