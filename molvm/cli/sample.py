"""`molvm sample`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import sources, transitions
from molvm.cli.conditioning import Classes, Device, GuidanceScale, Offload, Prompts, model_section
from molvm.cli.sample_method import (
    FeynmanKacLooks,
    FeynmanKacPotential,
    Method,
    MethodFloor,
    MethodReward,
    MethodStrength,
    SvddPick,
    SvddValue,
    steering_method,
)

if TYPE_CHECKING:
    from molvm.models.base import BaseModel
    from molvm.runs.run import Run
    from molvm.runs.samples import SampleSet
    from molvm.runs.unfinished_samples import UnfinishedSamples

PARTICLES = 16

SAME_SAMPLES = frozenset({"out", "overwrite", "as_json", "score", "top", "workers"})
"""Options that change nothing about what is drawn."""


def sample(
    source: Annotated[
        str, typer.Argument(help="A run's directory, or a base model's name or directory.", autocompletion=sources)
    ],
    out: Annotated[Path, typer.Option(help="The SD file to write; for images a new folder of PNG files.")],
    count: Annotated[int, typer.Option("-n", "--count", help="How many molecules.")] = 100,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    steps: Annotated[
        int | None, typer.Option(help="Steps from noise to data; the run's or the model's own by default.")
    ] = None,
    transition: Annotated[
        str | None,
        typer.Option(
            help="How a base model steps; analytic_variance needs fewer steps.",
            show_default="euler_maruyama",
            autocompletion=transitions,
        ),
    ] = None,
    guidance: Annotated[float, typer.Option(help="What a run's control is multiplied by; 0 for its base model.")] = 1.0,
    noise_level: Annotated[
        float | None,
        typer.Option(
            "--noise", help="Noise as a multiple of the memoryless one; 0 for the ODE.", show_default="the run's, or 1"
        ),
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            help="Next states of which a run's value network chooses one; 1 steers by its gradient.",
            show_default="the run's",
        ),
    ] = None,
    atoms: Annotated[
        str | None,
        typer.Option(help="Numbers of atoms: 20, 18-24, or 18:1,20:3 with weights.", show_default="as the base"),
    ] = None,
    tilt_size: Annotated[
        bool, typer.Option("--tilt-size", help="Draw numbers of atoms as a run's reward asks for.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Correct what the control has got wrong; each molecule costs --particles.")
    ] = False,
    particles: Annotated[
        int | None,
        typer.Option(help="Molecules of which --exact or --method draws each.", show_default="16, or the method's"),
    ] = None,
    scaffold: Annotated[
        str | None,
        typer.Option(help="A part that the molecules are to have: a SMILES, or a file with it. Approximate."),
    ] = None,
    method: Method = None,
    reward: MethodReward = None,
    strength: MethodStrength = None,
    floor: MethodFloor = None,
    pick: SvddPick = None,
    value: SvddValue = None,
    potential: FeynmanKacPotential = None,
    looks: FeynmanKacLooks = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Of a run of images: those of its base too, above, from the same noise.")
    ] = False,
    prompts: Prompts = None,
    classes: Classes = None,
    guidance_scale: GuidanceScale = None,
    device: Device = None,
    offload: Offload = None,
    batch_size: Annotated[int, typer.Option(help="Molecules simulated at a time.")] = 64,
    score: Annotated[bool, typer.Option("--score", help="Score the molecules with the run's reward.")] = False,
    workers: Annotated[
        str | None, typer.Option(help="Processes for --score and --top, or dask://host:port; the run's by default.")
    ] = None,
    top: Annotated[int | None, typer.Option(help="Keep only so many of the best.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Json = False,
) -> None:
    """Draw molecules or images from a run, or from a base model."""
    options = locals()  # what was asked, before there are other variables
    from molvm.cli.console import counted, counting_bar, say
    from molvm.cli.endings import require_ending
    from molvm.cli.interrupts import told_if_interrupted
    from molvm.cli.outcomes import summary, summary_line
    from molvm.durable import require_writable
    from molvm.errors import ConfigError

    require_writable(out, overwrite=overwrite)

    from molvm.models.base import made_by
    from molvm.runs.api import sample as draw
    from molvm.runs.source import open_source

    shown = model_section(
        prompts=prompts, classes=classes, guidance_scale=guidance_scale, device=device, offload=offload
    )
    found = open_source(source, shown)
    require_ending(out, *(() if made_by(_base(found)) == "images" else (".sdf", ".sd")))
    given = {"particles": particles, "pick": pick, "potential": potential, "looks": looks}
    asks = {"reward": reward, "strength": strength, "value": value, "floor": floor}
    if pairs:
        _require_pairs(
            found,
            candidates=candidates,
            atoms=atoms,
            tilt_size=tilt_size,
            exact=exact,
            scaffold=scaffold,
            method=method,
            transition=transition,
            top=top,
        )
    steering = steering_method(found, method, given, asks, exact=exact, workers=workers)
    if top is not None and top < 1:
        raise ConfigError(f"--top is {top}.", allowed="a whole number from 1")
    scored = score or top is not None
    if steering is None and scored:
        _require_reward(found, out, workers)
    unfinished = _unfinished(found, options)
    with told_if_interrupted(lambda: _what_is_kept(out, unfinished)):
        with counting_bar("sampling", "steps of samples") as progress:
            dials: dict[str, Any] = {
                "seed": seed,
                "steps": steps,
                "guidance": guidance,
                "noise_level": noise_level,
                "batch_size": batch_size,
                "unfinished": unfinished,
                "progress": lambda done, total: progress(done, total, unfinished.found * total // count),
            }
            if pairs:
                drawn = _pairs(found, count, dials)
            else:
                drawn = draw(
                    found,
                    count,
                    candidates=candidates,
                    transition=transition,  # type: ignore[arg-type]  # a wrong one is told by its options
                    atoms=atoms,
                    tilt_size=tilt_size,
                    particles=(PARTICLES if particles is None else particles) if exact else None,
                    inference=steering,
                    scaffold=scaffold,
                    **dials,
                )
        if scored:
            drawn = drawn.score(workers=workers)
            typer.echo(summary_line(drawn.reward_name, drawn.outcomes), err=True)
    written = (drawn if top is None else drawn.top(top)).save(out, overwrite=overwrite)
    if unfinished.found:
        say(f"{counted(unfinished.found, drawn.noun)} of an interrupted drawing taken from {unfinished.folder}.")
    unfinished.discard()
    result: dict[str, Any] = {
        "written": written,
        "out": out,
        "asked": drawn.asked,
        "reward": drawn.reward_name or None,
        **({} if scaffold is None else {"lacking_scaffold": _lacking(found, scaffold, drawn)}),
        **({"outcomes": summary(drawn.outcomes)} if scored else {}),
    }
    answer(result, _words(result, drawn, steered=steering is not None), as_json=as_json, err=True)


def _words(result: Mapping[str, Any], drawn: SampleSet, *, steered: bool) -> str:
    """What was written, for people."""
    from molvm.cli.console import counted

    asked = f"; the reward was asked about {counted(drawn.asked, drawn.noun)}" if steered else ""
    if "lacking_scaffold" in result:
        asked += f"; {result['lacking_scaffold']} of {len(drawn)} drawn lack the scaffold"
    return f"{counted(result['written'], drawn.noun)} in {result['out']}{asked}"


def _unfinished(found: Run | BaseModel, options: Mapping[str, Any]) -> UnfinishedSamples:
    """Where batches are kept that belong to this command, with these weights, and these contents of the files named."""
    from molvm.runs.assembly import model_digest
    from molvm.runs.unfinished import identity_of
    from molvm.runs.unfinished_samples import UnfinishedSamples

    asked = {
        name: identity_of(value) if isinstance(value, str) else value
        for name, value in options.items()
        if name not in SAME_SAMPLES
    }
    return UnfinishedSamples.beside(options["out"], {**asked, "weights": model_digest(_base(found))})


def _base(found: Run | BaseModel) -> BaseModel:
    from molvm.runs.run import Run

    return found.model if isinstance(found, Run) else found


def _lacking(found: Run | BaseModel, scaffold: str, drawn: SampleSet) -> int:
    """How many samples have been given up."""
    from molvm.runs.keeping import keeping

    part = keeping(_base(found), scaffold).part
    return sum(not part.is_kept(molecule) for molecule in drawn)


def _what_is_kept(out: Path, unfinished: UnfinishedSamples) -> str:
    from molvm.cli.console import counted

    if not unfinished.kept:
        return f"{out} is not written, and no batch is finished: a smaller --batch-size is kept more often."
    return (
        f"{out} is not written; {counted(unfinished.kept, 'sample')} in {unfinished.folder}: the same command goes on."
    )


def _require_pairs(found: Run | BaseModel, **given: object) -> None:
    """Refuse pairs of a base model, and with what does not go together with them.

    Raises:
        ConfigError: They cannot be had.
    """
    from molvm.errors import ConfigError
    from molvm.runs.run import Run

    if not isinstance(found, Run):
        raise ConfigError(f"The base model {found.name} has nothing beside it.", allowed="--pairs of a run of images")
    if others := [name for name, value in given.items() if value not in (None, False)]:
        raise ConfigError(f"--pairs does not go together with --{others[0].replace('_', '-')}.", remedy="one of them")


def _pairs(found: Run | BaseModel, count: int, dials: dict[str, Any]) -> SampleSet:
    from molvm.runs.image_pairs import image_pairs
    from molvm.runs.run import Run

    assert isinstance(found, Run)  # noqa: S101 - as `_require_pairs` has made sure
    return image_pairs(found, count, **dials)


def _require_reward(found: Run | BaseModel, out: Path, workers: str | None) -> None:
    """What cannot be had is better missed before the molecules are drawn.

    Raises:
        ConfigError: A base model is to be scored.
        RewardError: The run's reward, or its workers, cannot be had.
    """
    from molvm.errors import ConfigError
    from molvm.programs.pasted import pasted
    from molvm.rewards.pools import open_pool
    from molvm.runs.run import Run

    if not isinstance(found, Run):
        raise ConfigError(
            f"The base model {found.name} has no reward to score with.",
            remedy=f"without --score and --top; then `{pasted('molvm score', out)} --reward NAME --out scores.csv`",
        )
    _ = found.reward
    open_pool(workers or found.config.reward.workers).close()
