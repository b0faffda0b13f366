"""`molvm score`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import rewards as known_rewards

if TYPE_CHECKING:
    from molvm.runs.unfinished import UnfinishedScoring


def score(
    file: Annotated[
        Path,
        typer.Argument(
            help="An SD, SMILES, CSV or XYZ file, and what Open Babel reads; or an image file, or a folder of them."
        ),
    ],
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
    time_limit: Annotated[float, typer.Option(help="Seconds that one molecule or image may take.")] = 60.0,
    cache: Annotated[bool, typer.Option(help="Take outcomes that are known already, and keep new ones.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Json = False,
) -> None:
    """Score the molecules of a file, or images: one row each, in order, with the reason where a reward failed."""
    from molvm.cli.interrupts import interrupt_main_thread_only, told_if_interrupted

    interrupt_main_thread_only()
    from molvm.cli.console import counted, counting_bar, say, tally
    from molvm.cli.endings import require_ending
    from molvm.cli.outcomes import summary, summary_line
    from molvm.durable import require_writable
    from molvm.errors import ConfigError
    from molvm.images.image import Image
    from molvm.rewards.base import Outcome
    from molvm.runs.images_given import images_given
    from molvm.runs.kept_outcomes import kept_outcomes
    from molvm.runs.records_given import records_of
    from molvm.runs.reward_source import resolve_reward
    from molvm.runs.scoring import score as score_molecules
    from molvm.runs.unfinished import UnfinishedScoring

    require_writable(out, overwrite=overwrite)
    if out.exists() and file.exists() and out.samefile(file):
        raise ConfigError(f"The table would replace the input {file}.", remedy="another --out")
    require_ending(out, ".csv")
    images = images_given(file)
    rewards = [resolve_reward(text, "molecules" if images is None else "images") for text in reward]
    texts = {one.name: text for one, text in zip(rewards, reward, strict=True)}
    unfinished = UnfinishedScoring(out, texts, kept_outcomes()) if cache else None
    with told_if_interrupted(lambda: _what_is_kept(out, unfinished)):
        with tally("reading", "records") as seen:
            records = images or records_of(file, seen)
        total = len(reward) * sum(isinstance(one, Image) or one.molecule is not None for one in records)
        done = 0
        with counting_bar("scoring", "outcomes") as progress:

            def count(outcome: Outcome) -> None:  # noqa: ARG001 - only that there is one matters
                nonlocal done
                done += 1
                progress(done, total, 0 if unfinished is None else unfinished.n_known)

            kept = False if unfinished is None else unfinished
            table = score_molecules(
                records, rewards, workers=workers, time_limit=time_limit, cache=kept, progress=count
            )
    table.to_csv(out, overwrite=overwrite)
    if unfinished is not None:
        if unfinished.n_found:
            say(f"{counted(unfinished.n_found, 'outcome')} of an interrupted scoring taken from {unfinished.folder}.")
        unfinished.discard()
    lines = [summary_line(name, outcomes) for name, outcomes in table.outcomes.items()]
    summaries = {name: summary(outcomes) for name, outcomes in table.outcomes.items()}
    words = "\n".join([*lines, f"{counted(len(table), 'row')} in {out}"])
    answer({"rows": len(table), "out": out, "rewards": summaries}, words, as_json=as_json, err=True)


def _what_is_kept(out: Path, unfinished: UnfinishedScoring | None) -> str:
    from molvm.cli.console import counted

    if unfinished is None:
        return f"{out} is not written, and with --no-cache no outcome is kept."
    beside = len(unfinished)
    if not beside:
        return f"{out} is not written. Outcomes that took long are kept: the same command goes on."
    return (
        f"{out} is not written; {counted(beside, 'outcome')} in {unfinished.folder}: the same command goes on. "
        "Delete that folder if something that the reward reads has changed."
    )
