"""`molvm train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import loggers, models, objectives, recipes, rewards, settings, training_bases, value_sizes
from molvm.cli.conditioning import Classes, GuidanceScale, Prompts

if TYPE_CHECKING:
    from molvm.runs.config import RunConfig


def train(
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Base model by its dataset (of images digits, dit, sd15, sd2, sd3, cifar), or a directory.",
            show_default="qm9",
            autocompletion=training_bases,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Base model by its directory, instead of --dataset.", autocompletion=models)
    ] = None,
    prompts: Prompts = None,
    classes: Classes = None,
    guidance_scale: GuidanceScale = None,
    reward: Annotated[
        str | None,
        typer.Option(help="A reward's name, or path.py:function.", show_default="dipole", autocompletion=rewards),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="The algorithm: value-matching, classifier-guidance, ddpo, dpok, ct-ppo, or, for rewards with a "
            "gradient, adjoint-matching, vgg-flow, refl or draft.",
            show_default="value-matching",
            autocompletion=objectives,
        ),
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="λ; larger is further from the base model.", show_default="100")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's directory, new or empty.")] = None,
    iterations: Annotated[
        int | None, typer.Option(help="Rounds of sampling, scoring and learning.", show_default="1000")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Molecules in a round.", show_default="128")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps from noise to data.", show_default="100")] = None,
    value_size: Annotated[
        str | None,
        typer.Option(help="Size of the value network, A to F.", show_default="B", autocompletion=value_sizes),
    ] = None,
    head_start: Annotated[
        int | None,
        typer.Option(
            help="Molecules of the base's dataset to score first; the value network learns from them.", show_default="0"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all randomness.", show_default="0")] = None,
    workers: Annotated[
        str | None, typer.Option(help="Worker processes, one a core by default, or dask://host:port.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Settings by name: known-molecules, half an hour's run for cheap rewards; few-labels, an hour's for "
            "rewards that cost something; paper, the defaults.",
            show_default="paper; digits for that model",
            autocompletion=recipes,
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings; options come first.")] = None,
    log: Annotated[
        list[str] | None,
        typer.Option(help="Log to tensorboard, wandb or mlflow besides; may be repeated.", autocompletion=loggers),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="section.key=value, any setting.", autocompletion=settings),
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="A run to go on with; needs no other option.")] = None,
    as_json: Json = False,
) -> None:
    """Adapt a base model to a reward.

    The defaults are the paper's, but for the small base digits; --recipe and --config set others, and options come
    before both.

    Stopped by Ctrl-C or SIGTERM, it leaves a checkpoint; `molvm train --resume RUN` goes on from there.
    """
    from molvm.cli.arguments import base_model, only_with_resume
    from molvm.cli.training_bar import training_bar

    flags: dict[str, Any] = {
        "prompts": prompts,
        "classes": classes,
        "guidance_scale": guidance_scale,
        "reward": reward,
        "objective": objective,
        "strength": strength,
        "iterations": iterations,
        "batch_size": batch_size,
        "steps": steps,
        "value_size": value_size,
        "head_start": head_start,
        "seed": seed,
        "workers": workers,
        "log": log or None,
        "out": out,
    }
    if resume is not None:
        only_with_resume(
            {**flags, "dataset": dataset, "model": model, "config": config, "recipe": recipe, "set": set_ or None}
        )
    else:
        settings = _settings(config, recipe, {**flags, "model": base_model(dataset, model)}, set_ or [])

    from molvm.programs.pasted import pasted
    from molvm.runs.run import Run

    run = Run.create(settings) if resume is None else Run.open(resume)
    if resume is not None and iterations is not None:
        run.extend(iterations)
    if resume is not None and workers is not None:
        run.use_workers(workers)
    with training_bar(run.reward.unit) as progress:
        code = run.train(progress)
    words = (
        f"Stopped. Go on with: {pasted('molvm train --resume', run.path)}"
        if code
        else f"The run is finished: {run.path}"
    )
    done = run.store.metrics()
    result = {"run": run.path, "finished": not code, "iterations": len(done), "last": done[-1] if done else None}
    answer(result, words, as_json=as_json, err=True)
    if code:
        raise typer.Exit(code)


def _settings(config: Path | None, recipe: str | None, flags: dict[str, Any], assignments: list[str]) -> RunConfig:
    """The recipe or the model's own, over it the file, over it the options, and over them the assignments."""
    from molvm.cli.console import say
    from molvm.runs.config import RunConfig
    from molvm.runs.config_file import merged, parse_assignment, read_settings
    from molvm.runs.recipes import own_recipe, recipe_settings
    from molvm.runs.settings_layer import settings_layer

    layers = [read_settings(config)] if config is not None else []
    layers += [settings_layer(**flags), *map(parse_assignment, assignments)]
    upper = merged(layers)
    source = f"{config} and the command line" if config is not None else "the command line"
    found = RunConfig.from_mapping(merged([recipe_settings(recipe, upper), upper]), source)
    if recipe is None and found != RunConfig.from_mapping(upper, source):
        name = found.model.name
        say(
            f"With the settings of the recipe {own_recipe(name)}, for {name} is small; `--recipe paper` has the others."
        )
    return found
