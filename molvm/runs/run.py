"""A run: a directory that holds everything of one adaptation of a base model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from molvm.arguments import typed
from molvm.chem.molecule import Molecule
from molvm.durable import replace_text
from molvm.errors import CheckpointError, ConfigError, ModelError, MolVMError, OutputExistsError, RewardError
from molvm.frames import data_frame
from molvm.models.base import BaseModel, FlowModel, made_by, require_steerable
from molvm.models.hub import load_model
from molvm.models.images.placement import Placement
from molvm.objectives import AnyResidualObjective, Objective, ValueObjective
from molvm.programs.pasted import pasted
from molvm.rewards.base import Reward, SampleReward
from molvm.rewards.pools import require_sendable
from molvm.rewards.subjects import require_subject
from molvm.rewards.workers import Workers
from molvm.runs.adaptations import publish_adapter
from molvm.runs.advice import about_steps
from molvm.runs.assembly import (
    build_objective,
    conditioning_of,
    located_model,
    model_digest,
    model_note,
    sampling_options,
    trainer_options,
)
from molvm.runs.config import RunConfig
from molvm.runs.config_file import config_text, load_config
from molvm.runs.directory import RunDirectory
from molvm.runs.exact import Exact, log_target
from molvm.runs.head_start import check_head_start
from molvm.runs.image_records import ImageRecord
from molvm.runs.keeping import keeping
from molvm.runs.manifest import Manifest
from molvm.runs.molecule_records import MoleculeRecord
from molvm.runs.progress import Silence, TrainingProgress
from molvm.runs.reward_source import resolve_reward, reward_location
from molvm.runs.samples import SampleSet, require_some
from molvm.runs.sampling import DEFAULT_BATCH_SIZE, draw_samples
from molvm.runs.session import TrainingSession
from molvm.runs.shown import Shown, shown_among
from molvm.runs.sizes import sizes_to_draw
from molvm.runs.store import RunStore
from molvm.runs.unfinished_samples import UnfinishedSamples
from molvm.sde import Guided
from molvm.training.checkpoint import has_checkpoint, load_checkpoint
from molvm.training.trackers.several import require_trackers
from molvm.values.base import ValueNet

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Run:
    """A run on the disk; `create`, `open` and `molvm.train` make one.

    Args:
        directory: Where it lies.
        config: Its settings.
        given_model: The base model, if it cannot be loaded by the name in the settings.
        given_reward: The reward, likewise.
    """

    directory: RunDirectory
    config: RunConfig
    given_model: BaseModel | None = field(default=None, repr=False)
    given_reward: Reward | None = field(default=None, repr=False)
    shown: Shown | None = field(default=None, init=False, repr=False)
    _new: bool = field(default=False, init=False, repr=False)

    def __repr__(self) -> str:
        """Short: the settings would fill a screen."""
        return (
            f"Run({str(self.directory.path)!r}, {self.config.objective.name}, {self.config.training.iterations} rounds)"
        )

    @classmethod
    @typed()
    def create(cls, config: RunConfig, *, model: BaseModel | None = None, reward: Reward | None = None) -> Self:
        """Begin a run in an empty directory. Everything is checked before anything is written.

        Args:
            config: The settings, `out` among them.
            model: The base model, if it is not the one that the settings name.
            reward: The reward, likewise.

        Raises:
            ConfigError: There is no `out`.
            UnknownNameError: There is no such model or reward.
            ModelError: The model is one that nothing can steer.
            RewardError: The reward cannot be sent to worker processes.
            OutputExistsError: The directory is not empty or cannot be written.
            MissingDependencyError: The package of a logger is not installed.
        """
        if config.out is None:
            raise ConfigError("A run needs a directory.", remedy="--out runs/NAME, or out = ... in the settings")
        RunDirectory(config.out).require_free()
        require_trackers(config.logging.names)
        trainer_options(config)  # refuses what the trainer would, before anything is written
        names = {
            "model": located_model(config, model),
            "reward": {"name": reward_location(config.reward.name) if reward is None else reward.name},
            "value": {"start": config.value.start and str(Path(config.value.start).resolve())},
        }
        located = config.model_copy(
            update={key: getattr(config, key).model_copy(update=update) for key, update in names.items()}
        )
        run = cls(RunDirectory(config.out), located, model, reward)
        manifest = Manifest(
            model=run.model.name,
            model_sha256=model_digest(run.model),
            model_note=model_note(run.model),
            reward=run.reward.name,
            reward_is_object=reward is not None,
            makes=made_by(run.model),
            unit=run.reward.unit,
            direction=run.reward.direction,
            seed=config.training.seed,
        )
        # Refuse what training would not start with before anything is written.
        sampling = sampling_options(config)
        sampling.grid(run.model.schedules)
        sampling.stepper(run.model)
        require_subject(run.reward, manifest.makes, f"the base model {run.model.name} makes")
        if isinstance(run.reward, SampleReward):
            require_sendable(run.reward, config.reward.workers)
        check_head_start(config, run.model, run._new_objective(manifest))
        run.directory.begin(manifest.makes)
        replace_text(run.directory.config, config_text(located))
        manifest.save(run.directory.manifest)
        run._new = True
        return run

    @classmethod
    @typed()
    def open(cls, path: Path | str, *, model: BaseModel | None = None, reward: Reward | None = None) -> Self:
        """Open a run.

        Args:
            path: Its directory.
            model: The base model, if it was given to the run as an object.
            reward: The reward, likewise.

        Raises:
            InputFileError: There is no run, or its files are damaged.
        """
        directory = RunDirectory(Path(path))
        directory.require_run()
        return cls(directory, load_config(directory.config), model, reward)

    @property
    def path(self) -> Path:
        """The run's directory."""
        return self.directory.path

    @property
    def manifest(self) -> Manifest:
        """Versions, model, reward and history, read anew each time."""
        return Manifest.load(self.directory.manifest)

    @cached_property
    def model(self) -> FlowModel:
        """The frozen base model.

        Raises:
            UnknownNameError: It was given to the run as an object and not to `open`.
            ModelError: It is no longer where it was, its weights are not those that the run began with, or nothing can
                steer it.
        """
        section = self.config.model
        if self.given_model is None and Path(section.name).is_absolute() and not Path(section.name).is_dir():
            raise ModelError(
                f"The base model of the run {self.path} lay in {section.name}, and is there no longer.",
                remedy=f"the folder back in its place, or its new place as model.name in {self.directory.config}",
            )
        model = require_steerable(
            load_model(
                section.name,
                precision=section.precision,
                compile=section.compile,
                conditioning=conditioning_of(section),
                placement=Placement(section.device, offload=section.offload),
            )
            if self.given_model is None
            else self.given_model
        )
        if self.directory.is_run:
            expected = self.manifest.model_sha256
            if expected is not None and model_digest(model) != expected:
                raise ModelError(
                    f"The weights of the base model {self.config.model.name!r} have changed since the run "
                    f"{self.path} began.",
                    remedy="the model with the digest that stands in the run's manifest.json",
                )
        return model

    @cached_property
    def reward(self) -> Reward:
        """The reward.

        Raises:
            RewardError: It was given to the run as an object and not to `open`.
            UnknownNameError: There is no reward of the name that stands in the settings any more.
        """
        if self.given_reward is not None:
            return self.given_reward
        if self.directory.is_run and self.manifest.reward_is_object:
            raise RewardError(
                f"The run {self.path} was given its reward {self.manifest.reward!r} as an object, by a Python program.",
                remedy=f"`molvm.resume({str(self.path)!r}, reward=...)` or `Run.open` there, with the same object; "
                "rewards given as path.py:name are found again by themselves",
            )
        makes = self.manifest.makes if self.directory.is_run else made_by(self.model)
        return resolve_reward(self.config.reward.name, makes)

    @property
    def store(self) -> RunStore:
        """The recorded metrics and molecules."""
        return RunStore(self.directory, self.manifest.reward, makes=self.manifest.makes)

    def _repr_html_(self) -> str:
        """How it stands and its best samples, for notebooks."""
        from molvm.runs.notebook import run_html

        return run_html(self)

    @typed()
    def to_pandas(self, since: int = 0) -> pd.DataFrame:
        """One row a recorded sample, with the columns of the run's Parquet files.

        Args:
            since: The first iteration whose samples are taken.

        Raises:
            MissingDependencyError: pandas is not installed.
            InputFileError: A file is damaged.
        """
        return data_frame(record.row() for record in self.store.records(since))

    @typed()
    def train(self, progress: TrainingProgress | None = None) -> int:
        """Train from the newest checkpoint to the last iteration.

        Returns:
            0, or the exit code of the signal that stopped it, 130 or 143.

        Raises:
            OutputExistsError: Another process writes the run, or it cannot be written.
            CheckpointError: There are checkpoints, but none is whole.
            DivergenceError: Something is not finite; the last checkpoint stays.
            MolVMError: Whatever keeps a new run from its first round; its directory is then free again.
        """
        try:
            return self._train(progress)
        except OutputExistsError:
            raise  # another process may be at work there
        except MolVMError:
            if self._new and self.directory.is_empty:
                self.directory.discard()
            raise

    def _train(self, progress: TrainingProgress | None) -> int:
        with self.directory.exclusive():
            fresh = not has_checkpoint(self.directory.checkpoints)
            objective = (
                self._new_objective(self.manifest) if fresh else build_objective(self.config, self.model, self.reward)
            )
            watcher = progress or Silence()
            session = TrainingSession(self.directory, self.config, self.model, self.reward, objective, watcher)
            code = session.run()
            publish_adapter(objective, self.directory.adapter)
            return code

    def _new_objective(self, mine: Manifest) -> Objective:
        """An objective as training begins with: fresh, or with the value function of an earlier run.

        Raises:
            ConfigError: That run was of another base model or reward, or has another value network.
            CheckpointError: It has no whole checkpoint.
        """
        objective, start = build_objective(self.config, self.model, self.reward), self.config.value.start
        if start is None or not isinstance(objective, ValueObjective):
            return objective
        earlier = Run.open(start, model=self.model, reward=self.reward)
        if not has_checkpoint(earlier.directory.checkpoints):
            raise CheckpointError(
                f"The run {start}, whose value function this one is to start from, has no checkpoint.",
                remedy=f"`{pasted('molvm train --resume', start)}` until it has one",
            )
        for what in ("model", "reward", "direction"):
            theirs = getattr(earlier.manifest, what)
            if getattr(mine, what) != theirs:
                raise ConfigError(
                    f"The run {start} has the {what} {theirs!r}, this one {getattr(mine, what)!r}.",
                    remedy="value.start = the directory of a run of the same base and reward",
                )
        for setting in ("size", "reads"):
            value, theirs = getattr(self.config.value, setting), getattr(earlier.config.value, setting)
            if value != theirs:
                raise ConfigError(
                    f"The run {start} has value.{setting} = {theirs!r}, this one {value!r}.",
                    remedy=f"--set value.{setting}={theirs}, or the recipe that it was made with",
                )
        if (theirs := earlier.config.reward.name) != self.config.reward.name:
            logger.warning("The run %s had the reward %s, this one has %s.", start, theirs, self.config.reward.name)
        objective.start_from(earlier.value())
        return objective

    @typed()
    def extend(self, iterations: int) -> None:
        """Set the number of iterations anew, for the next `train`.

        Raises:
            ConfigError: It is not positive, or the run has more already.
            OutputExistsError: Another process writes the run, or it cannot be written.
        """
        done = load_checkpoint(self.directory.checkpoints).step if has_checkpoint(self.directory.checkpoints) else 0
        if iterations < done:
            raise ConfigError(
                f"The run {self.path} has {done} iterations already, and {iterations} are asked for in all.",
                allowed=f"{done} or more",
            )
        self._set("training", "iterations", iterations)

    @typed()
    def use_workers(self, workers: Workers) -> None:
        """Have rewards evaluated elsewhere from now on, which changes no result.

        Args:
            workers: Processes, or the address of a Dask scheduler.

        Raises:
            ConfigError: It is neither.
            OutputExistsError: Another process writes the run, or it cannot be written.
        """
        self._set("reward", "workers", workers)

    def _set(self, section: str, setting: str, value: Any) -> None:
        values: dict[str, Any] = self.config.model_dump()
        values[section][setting] = value
        config = RunConfig.from_mapping(values)
        with self.directory.exclusive():
            replace_text(self.directory.config, config_text(config))
        self.config = config

    def compute_on(self, device: str | None = None, *, offload: bool | None = None) -> None:
        """Have the base model's networks elsewhere than the run says, as long as this object lives.

        Args:
            device: As torch calls it; the run's own by default.
            offload: Whether only the network in use is there; as the run says by default.

        Raises:
            ModelError: There is no such device here, or the base model does not compute there.
        """
        given = {"device": device, "offload": offload}
        placed = {key: value for key, value in given.items() if value is not None}
        if placed:
            section = self.config.model.model_copy(update=placed)
            self.config = self.config.model_copy(update={"model": section})
            vars(self).pop("model", None)
            _ = self.model

    def show(self, wanted: Sequence[str]) -> None:
        """Draw only images of some of the classes or prompts of the training, as long as this object lives.

        Args:
            wanted: Numbers or names of classes, or prompts.

        Raises:
            ConfigError: The run has not learned of one of them, or its base model shows nothing in particular.
        """
        known = getattr(self.model, "shows", None)
        if not known:
            raise ConfigError(f"The base model {self.model.name} has no prompts and no classes to choose from.")
        self.shown = shown_among(known, wanted)

    def value(self) -> ValueNet:
        """The value function as the newest whole checkpoint has it.

        Raises:
            CheckpointError: There is no checkpoint.
            ConfigError: The objective has none.
        """
        objective = self.objective()
        if isinstance(objective, ValueObjective):
            return objective.control
        raise ConfigError(
            f"The run {self.path} was trained by {objective.name}, which learns no value function.",
            allowed="runs of value_matching and classifier_guidance",
        )

    def objective(self) -> ValueObjective[Any] | AnyResidualObjective:
        """The objective as the newest whole checkpoint has it.

        Raises:
            CheckpointError: There is none.
        """
        objective = build_objective(self.config, self.model)
        objective.load_state_dict(load_checkpoint(self.directory.checkpoints).part("objective"))
        return objective

    @typed()
    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        steps: int | None = None,
        guidance: float = 1.0,
        noise_level: float | None = None,
        candidates: int | None = None,
        atoms: str | int | None = None,
        tilt_size: bool = False,
        particles: int | None = None,
        scaffold: Molecule | Path | str | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        unfinished: UnfinishedSamples | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> SampleSet:
        """Draw molecules from the adapted model; the reward is not needed before they are scored.

        Args:
            count: How many.
            seed: Of all randomness.
            steps: Steps from noise to data; those of the training by default.
            guidance: What the control is multiplied by; 0 for the base model.
            noise_level: σ as a multiple of the memoryless one; 0 for the ODE; that of the training by default.
            candidates: Next states that the base proposes for the value function to choose from, 1 for steering by its
                gradient; as in the training by default.
            atoms: Numbers of atoms to draw from, 20, "18-24" or "18:1,20:3"; by default as the base draws them.
            tilt_size: Draw a number of atoms N in proportion to p(N) Z_N (`sizes_to_draw`).
            particles: Draw each molecule from so many by twisted sequential Monte Carlo: p* itself in the limit of
                many, however good the control. Each of them costs a reward.
            scaffold: A part that the molecules are to have as their first atoms: a molecule, a file or a SMILES, as
                `molvm.sample` explains.
            batch_size: Samples simulated at a time, at most.
            unfinished: Where finished batches are kept, and taken from; the folder stays.
            progress: Called with (sample steps done, in all).

        Raises:
            CheckpointError: The run has no whole checkpoint.
            ConfigError: A number is out of range, or the base has no such molecules.
        """
        weighs = tilt_size or particles is not None
        if weighs and scaffold is not None:
            raise ConfigError(
                "With a scaffold the law of the samples is not known, and so not how particles or sizes weigh.",
                remedy="leaving out tilt_size and particles, or the scaffold",
            )
        value = self.value() if weighs or (candidates or 1) > 1 else None
        control = self.objective().control if value is None else value
        trained = sampling_options(self.config)
        sampling = trained if noise_level is None else trained.with_noise(noise_level)
        if candidates is not None:
            sampling = replace(sampling, candidates=candidates)
        if guidance == 0:  # the base itself, which nothing has to choose for
            sampling = replace(sampling, candidates=1)
        if steps is not None and (advice := about_steps(steps, sampling.steps)):
            logger.warning(advice)
        model = self.model if scaffold is None else keeping(self.model, scaffold)
        drawn = draw_samples(
            model,
            count,
            control=control if guidance == 1 else Guided(control, guidance),
            seed=seed,
            sampling=sampling if steps is None else replace(sampling, steps=steps),
            conditions=sizes_to_draw(model, atoms, value, tilt_size=tilt_size) or self.shown,
            exact=None if particles is None else self._exact(particles),
            batch_size=batch_size,
            unfinished=unfinished,
            progress=progress,
        )
        named = tuple(
            replace(molecule, id=f"{self.path.resolve().name}-{number}")
            for number, molecule in enumerate(drawn.molecules, start=1)
        )
        return replace(
            drawn,
            molecules=named,
            strength=self.config.training.strength,
            own_reward=lambda: self.reward,
            workers=self.config.reward.workers,
            time_limit=self.config.reward.time_limit,
        )

    def _exact(self, particles: int) -> Exact:
        return Exact(particles, log_target(self.reward, self.config, self.manifest.floor))

    @typed()
    def top(self, count: int = 10) -> list[MoleculeRecord] | list[ImageRecord]:
        """The best samples that training has seen, equal ones once, the best first.

        Raises:
            ConfigError: The number is not positive.
        """
        require_some(count)
        return self.store.best(count)

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics of all iterations, oldest first."""
        return self.store.metrics()


_THE_WAY = "`molvm.Run.open(path)` for one that lies there, `molvm.train(...)` for a new one"
Run.__init__ = typed(remedy=_THE_WAY)(Run.__init__)  # type: ignore[method-assign]
