"""The verbs: train, resume, sample."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from molvm.arguments import typed
from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, ModelError
from molvm.models.base import BaseModel, FlowModel
from molvm.rewards.base import Reward
from molvm.rewards.workers import Workers
from molvm.runs.config import RunConfig
from molvm.runs.config_file import merged
from molvm.runs.inference import Inference
from molvm.runs.keeping import keeping
from molvm.runs.progress import TrainingProgress
from molvm.runs.recipes import recipe_settings
from molvm.runs.reward_source import require_reward
from molvm.runs.run import Run
from molvm.runs.samples import SampleSet
from molvm.runs.sampling import DEFAULT_BATCH_SIZE, draw_samples
from molvm.runs.settings_layer import settings_layer
from molvm.runs.sizes import sizes_to_draw
from molvm.runs.source import open_source
from molvm.runs.steering import require_no_method
from molvm.runs.unfinished_samples import UnfinishedSamples
from molvm.sde import SamplingOptions
from molvm.sde.options import TransitionName


@typed(but="model reward")
def train(
    model: FlowModel | Path | str | None = None,
    reward: Reward | str | None = None,
    *,
    out: Path | str,
    objective: str | None = None,
    strength: float | None = None,
    iterations: int | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    value_size: str | None = None,
    head_start: int | None = None,
    seed: int | None = None,
    workers: Workers | None = None,
    log: Sequence[str] | None = None,
    recipe: str | None = None,
    settings: Mapping[str, Any] | RunConfig | None = None,
    progress: TrainingProgress | None = None,
) -> Run:
    """Adapt a base model to a reward.

    Args:
        model: The base model, its name, or its directory; that of the settings by default, which is "qm9" there.
        reward: The reward, its name, or `path.py:name`; that of the settings by default, which is "dipole" there.
        out: The run's directory, new or empty.
        objective: The algorithm, "value-matching", "classifier-guidance", "ddpo", "dpok", "ct-ppo", or, for rewards
            with a gradient, "adjoint-matching", "vgg-flow", "refl" or "draft"; that of the settings by default, which
            is the first there.
        strength: λ: the samples aim at p(x) ∝ p_base(x) exp(λ r(x)).
        iterations: Rounds of sampling, scoring and learning.
        batch_size: Molecules in a round.
        steps: Steps of the SDE.
        value_size: Size of the value network, "A" to "F".
        head_start: Molecules of the base model's own dataset that are scored first, and from which the value network
            learns before anything is sampled.
        seed: Of all randomness.
        workers: Processes that evaluate the reward, or the address of a Dask scheduler, `dask://host:port`.
        log: Where metrics go besides the run's directory: "tensorboard", "wandb", "mlflow".
        recipe: A name of settings that belong together: "known-molecules" for cheap rewards, "few-labels" for those
            that cost something, "paper" for the defaults; by default the last, but for the model "digits" its own.
        settings: All other settings, as in a file; what is given above comes first.
        progress: Told about every step.

    Returns:
        The finished run.

    Raises:
        ConfigError: A setting is out of range or unknown.
        UnknownNameError: There is no such recipe, model, reward or logger.
        ModelError: The model is one that nothing can steer.
        RewardError: `reward` is something else, a plain function for instance.
        OutputExistsError: `out` is not empty or cannot be written.
        KeyboardInterrupt: It was interrupted; `resume` goes on from the last finished iteration.
        SystemExit: With 143, after a SIGTERM; likewise.
    """
    if not (model is None or isinstance(model, str | Path | BaseModel)):
        raise ModelError(f"{model!r:.60} is no base model.", allowed="a base model, its name, or its directory")
    reward_name = reward if isinstance(reward, str) else None
    given = require_reward(reward) if reward is not None and reward_name is None else None
    if recipe is not None and isinstance(settings, RunConfig):
        raise ConfigError("A RunConfig has every setting, and leaves nothing to a recipe.", remedy="a plain mapping")
    base = settings.model_dump() if isinstance(settings, RunConfig) else settings or {}
    layer = settings_layer(
        model=str(model) if isinstance(model, str | Path) else getattr(model, "name", None),
        reward=reward_name if given is None else given.name,
        objective=objective,
        strength=strength,
        iterations=iterations,
        batch_size=batch_size,
        steps=steps,
        value_size=value_size,
        head_start=head_start,
        seed=seed,
        workers=workers,
        log=log,
        out=out,
    )
    upper = merged([base, layer])
    config = RunConfig.from_mapping(merged([recipe_settings(recipe, upper), upper]), source="the arguments of train")
    run = Run.create(
        config,
        model=None if isinstance(model, str | Path) else model,
        reward=given,
    )
    return _finish(run, progress)


@typed()
def resume(
    path: Path | str,
    *,
    iterations: int | None = None,
    workers: Workers | None = None,
    model: FlowModel | None = None,
    reward: Reward | None = None,
    progress: TrainingProgress | None = None,
) -> Run:
    """Go on with a run from its newest whole checkpoint, bit for bit as if it had not been stopped.

    Args:
        path: The run's directory.
        iterations: A new number of iterations in all; the run's own by default.
        workers: Where the reward is evaluated from now on; where it was by default.
        model: The base model, if `train` was given it as an object.
        reward: The reward, likewise.
        progress: Told about every step.

    Raises:
        InputFileError: There is no run.
        CheckpointError: There are checkpoints, but none is whole.
        KeyboardInterrupt: It was interrupted again.
        SystemExit: With 143, after a SIGTERM.
    """
    run = Run.open(path, model=model, reward=reward)
    if iterations is not None:
        run.extend(iterations)
    if workers is not None:
        run.use_workers(workers)
    return _finish(run, progress)


@typed()
def sample(
    source: Run | BaseModel | Path | str,
    count: int,
    *,
    seed: int = 0,
    steps: int | None = None,
    transition: TransitionName | None = None,
    guidance: float = 1.0,
    noise_level: float | None = None,
    candidates: int | None = None,
    atoms: str | int | None = None,
    tilt_size: bool = False,
    particles: int | None = None,
    inference: Inference | None = None,
    scaffold: Molecule | Path | str | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    unfinished: UnfinishedSamples | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SampleSet:
    """Draw molecules from a run or a base model.

    Args:
        source: A run or its directory, a base model, its name or its directory.
        count: How many.
        seed: Of all randomness.
        steps: Steps from noise to data; by default those of the run's training, those that a `CtmcModel` was published
            with, or 100.
        transition: How a base model steps; a run steps as it was trained.
        guidance: What a run's control is multiplied by; 0 for its base model.
        noise_level: σ as a multiple of the memoryless one; 0 for the ODE; that of a run's training by default, and 1
            for a base model.
        candidates: Next states that the base proposes for a run's value function to choose from, 1 for steering by its
            gradient; as in the run's training by default.
        atoms: Numbers of atoms to draw from, 20, "18-24" or "18:1,20:3"; by default as the base draws them.
        tilt_size: Draw numbers of atoms as a run's reward asks for, in proportion to p(N) Z_N; without it they keep the
            law of the base.
        particles: Draw each of a run's molecules from so many by twisted sequential Monte Carlo: its target law itself
            in the limit of many. Each of them costs a reward.
        inference: Steer a base model by SVDD, Feynman–Kac steering or best-of-N, as `steering_by` makes one.
        scaffold: A part that the molecules are to have as their first atoms: a molecule, a file or a SMILES.
            An approximation: what is drawn is not the law of the base given the part, and `path_cost` is what a run's
            control has cost beside it.
        batch_size: Molecules simulated at a time, at most.
        unfinished: Where finished batches are kept, and taken from, so that a drawing that was interrupted goes on;
            the folder stays.
        progress: Called with (molecule steps done, in all).

    Raises:
        UnknownNameError: Neither a run nor a model.
        CheckpointError: The run has no whole checkpoint.
        ConfigError: A number is out of range, the base has no such molecules, or one asks of a run what only a base
            model has, or the other way round.
    """
    found = open_source(source) if isinstance(source, str | Path) else source
    if isinstance(found, Run):
        if transition is not None:
            raise ConfigError(
                f"The run {found.path} was trained with its own transition, for which its control was learned.",
                remedy="leaving out the transition",
            )
        if inference is not None:
            require_no_method(found)
        return found.sample(
            count,
            seed=seed,
            steps=steps,
            guidance=guidance,
            noise_level=noise_level,
            candidates=candidates,
            atoms=atoms,
            tilt_size=tilt_size,
            particles=particles,
            scaffold=scaffold,
            batch_size=batch_size,
            unfinished=unfinished,
            progress=progress,
        )
    if guidance != 1 or particles is not None or candidates is not None:
        raise ConfigError(
            f"The base model {found.name} has no control.",
            remedy="leaving out guidance, particles and candidates, or a run",
        )
    if scaffold is not None and inference is not None:
        raise ConfigError("A scaffold cannot be kept while a method picks molecules.", remedy="one of the two")
    model = found if scaffold is None else keeping(found, scaffold)
    return draw_samples(
        model,
        count,
        seed=seed,
        sampling=_of_a_base(steps, transition, noise_level),
        conditions=sizes_to_draw(model, atoms, None, tilt_size=tilt_size),
        inference=inference,
        batch_size=batch_size,
        unfinished=unfinished,
        progress=progress,
    )


def _of_a_base(
    steps: int | None, transition: TransitionName | None, noise_level: float | None
) -> SamplingOptions | None:
    """How a base model is sampled; None for its own way, if nothing is asked."""
    given = {"steps": steps, "transition": transition, "noise_level": None if noise_level == 1 else noise_level}
    asked: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return SamplingOptions(**asked) if asked else None


def _finish(run: Run, progress: TrainingProgress | None) -> Run:
    code = run.train(progress)
    if code == 128 + signal.SIGINT:
        raise KeyboardInterrupt
    if code:
        raise SystemExit(code)
    return run
