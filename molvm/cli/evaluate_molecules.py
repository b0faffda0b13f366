"""`molvm evaluate` of molecules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from molvm.cli.answer import answer

if TYPE_CHECKING:
    from molvm.cli.molecules import Found
    from molvm.cli.yardsticks import Yardsticks
    from molvm.runs.image_evaluation import Source


@dataclass(frozen=True)
class MoleculeOptions:
    """What is asked of molecules alone."""

    table: str | None
    strain: bool
    posebusters: bool
    subsets: bool
    plot: Path | None

    def require_none(self) -> None:
        """Refuse them, for images.

        Raises:
            ConfigError: There is one.
        """
        from molvm.errors import ConfigError

        given = [name for name, value in vars(self).items() if value not in (None, False)]
        if given:
            raise ConfigError(f"--{given[0]} is of molecules.", remedy="leaving it out: these are images")


def evaluate_molecules(
    source: Source,
    name: str,
    options: MoleculeOptions,
    reference: str | None,
    *,
    count: int,
    seed: int,
    workers: str | None,
    time_limit: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure the molecules of a source, and print, write and draw what was found.

    Args:
        source: A molecule file, a run, a base model of molecules.
        name: What the user called it.
        options: What is asked of molecules alone.
        reference: The dataset to compare with; the model's if there is none.
        count: How many to sample.
        seed: Of the sampling.
        workers: Processes, or the address of a cluster.
        time_limit: Seconds that a molecule may take in them.
        out: Where all metrics are written.
        as_json: Print them as JSON.
    """
    import json

    from rich.console import Console

    from molvm.cli.console import say
    from molvm.cli.measuring import measured
    from molvm.cli.metrics_table import metrics_table
    from molvm.cli.molecules import molecules_of
    from molvm.cli.yardsticks import yardsticks
    from molvm.durable import replace_text
    from molvm.evaluation.plots import draw
    from molvm.evaluation.posebusters import all_tests
    from molvm.rewards.pools import open_pool

    # Refused before anything is sampled.
    yardsticks(options.table, reference, None)
    tests = all_tests() if options.posebusters else ()
    pool = open_pool(workers, time_limit=time_limit)
    found = molecules_of(source, count, seed)
    against = yardsticks(options.table, reference, found.dataset)
    _tell_of_strangers(found, against)
    summary = measured(found.molecules, against, pool, strain=options.strain, tests=tests)
    origin = {"source": name, "model": found.model, "model_note": found.note}
    document = {**summary.to_json(), **origin, "unreadable": found.unreadable}
    if out is not None:
        replace_text(out, json.dumps(document, indent=2) + "\n")
    if options.plot is not None:
        draw(summary, options.plot, against.reference)
    if found.note is not None:
        say(f"The model is {found.model}. {found.note}")
    if as_json:
        answer(document, "", as_json=True)
    else:
        Console().print(metrics_table(summary, subsets=options.subsets))


def _tell_of_strangers(found: Found, against: Yardsticks) -> None:
    """Say which records, and which elements, count as broken without being measured."""
    from molvm.cli.console import counted, say
    from molvm.cli.yardsticks import elements_unknown_to

    if found.unreadable:
        say(f"{counted(found.unreadable, 'record')} without a readable molecule: counted as broken.")
    if strangers := elements_unknown_to(against.table, found.molecules):
        unknown = ", ".join(strangers)
        say(f"The valency table {against.table.name} has no {unknown}: such atoms are unstable. See --table.")
