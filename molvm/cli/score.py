"""`molvm score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import rewards as known_rewards


def score(
    file: Annotated[Path, typer.Argument(help="An SD, SMILES, CSV or XYZ file, and what Open Babel reads.")],
    reward: Annotated[
        list[str],
        typer.Option(
            help="A reward (molvm rewards list), or path.py:function; may be repeated.", autocompletion=known_rewards
        ),
    ],
    out: Annotated[Path, typer.Option(help="The CSV file to write.")],
    workers: Annotated[
        str | None, typer.Option(help="Worker processes, one a core by default, or dask://host:port.")
    ] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds that one molecule may take.")] = 60.0,
    cache: Annotated[bool, typer.Option(help="Take outcomes that are known already, and keep new ones.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Json = False,
) -> None:
    """Score the molecules of a file: one row a record, in order, with the reason where a reward failed."""
    from molvm.cli.console import counted, counting_bar, tally
    from molvm.cli.outcomes import summary, summary_line
    from molvm.durable import require_writable
    from molvm.errors import ConfigError
    from molvm.rewards.base import Outcome
    from molvm.runs.scoring import records_of
    from molvm.runs.scoring import score as score_molecules

    require_writable(out, overwrite=overwrite)
    if out.exists() and file.exists() and out.samefile(file):
        raise ConfigError(f"The table would replace the input {file}.", remedy="another --out")
    with tally("reading", "records") as seen:
        records = records_of(file, seen)
    total = len(reward) * sum(record.molecule is not None for record in records)
    done = 0
    with counting_bar("scoring") as progress:

        def count(outcome: Outcome) -> None:  # noqa: ARG001 - only that there is one matters
            nonlocal done
            done += 1
            progress(done, total)

        table = score_molecules(records, reward, workers=workers, time_limit=time_limit, cache=cache, progress=count)
    table.to_csv(out, overwrite=overwrite)
    lines = [summary_line(name, outcomes) for name, outcomes in table.outcomes.items()]
    rewards = {name: summary(outcomes) for name, outcomes in table.outcomes.items()}
    words = "\n".join([*lines, f"{counted(len(table), 'row')} in {out}"])
    answer({"rows": len(table), "out": out, "rewards": rewards}, words, as_json=as_json, err=True)
