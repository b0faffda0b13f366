"""One stretch of training: from the newest checkpoint to the end, or to a signal."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

import torch

from molvm.errors import CheckpointError, MolVMError
from molvm.models.base import FlowModel, made_by
from molvm.objectives import Objective, ValueObjective
from molvm.programs.pasted import pasted
from molvm.rewards.base import Outcome, Reward
from molvm.rewards.constraint import constraints_of
from molvm.runs.advice import about_floor, about_missed_modes, about_strength, about_warmup
from molvm.runs.assembly import adjustments, declared_floor, isolated_reward, settle_floor, trainer_options
from molvm.runs.config import RunConfig
from molvm.runs.directory import RunDirectory
from molvm.runs.failure_watch import FailureWatch
from molvm.runs.head_start import SCORING, learn_before
from molvm.runs.interruption import Abandoned, Interruption
from molvm.runs.manifest import Manifest, Status
from molvm.runs.progress import Silence, TrainingProgress
from molvm.runs.store import RunStore
from molvm.training.checkpoint import has_checkpoint
from molvm.training.trackers.several import Trackers
from molvm.training.trackers.tracked import Tracked
from molvm.training.trainer import Iteration, Scorer, Trainer
from molvm.training.worth import worth

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class TrainingSession:
    """Trains a run that has a directory; the caller holds the directory's lock.

    Args:
        directory: Where the run lies.
        config: Its settings.
        model: The base model.
        reward: The reward; molecule rewards are evaluated in worker processes.
        objective: Fresh; the newest checkpoint is loaded into it.
        progress: Told about everything.
    """

    directory: RunDirectory
    config: RunConfig
    model: FlowModel
    reward: Reward
    objective: Objective
    progress: TrainingProgress = field(default_factory=Silence)

    def __post_init__(self) -> None:
        self.interruption = Interruption()
        self._scored = self._to_score = 0
        self._tell_scored: Callable[[int, int], None] = self.progress.scored
        self._warned_of_missed = False

    def run(self) -> int:
        """Train to the last iteration.

        Returns:
            0, or the exit code of the signal that stopped it, 130 or 143. The last finished iteration then has a
            checkpoint.

        Raises:
            CheckpointError: There are checkpoints, but none is whole.
            DivergenceError: Something is not finite; the last checkpoint stays.
            RewardError: It fails on nearly everything; there is a checkpoint.
        """
        scorer, close = isolated_reward(self.reward, self.config.reward, self._on_outcome, self.interruption.check)

        def score(samples: list[Any]) -> list[Outcome]:
            self._scored, self._to_score = 0, len(samples)
            return scorer(samples)

        try:
            with self.interruption:
                trainer = self._prepare(score)
                self._train(trainer)
        except Abandoned:
            pass
        finally:
            close()
        return self.interruption.exit_code

    def _prepare(self, score: Scorer) -> Trainer:
        """A trainer that stands where the newest checkpoint does, its floor settled once and for all."""
        manifest = Manifest.load(self.directory.manifest)
        floor = manifest.floor
        if floor is None:
            floor = settle_floor(self.config, self.model, self.reward, score)
            declared = declared_floor(self.config, self.reward)
            _say(about_floor(declared, self.config.training.batch_size, floor, self.reward.unit))
            replace(manifest, floor=floor).save(self.directory.manifest)
        trainer = Trainer(
            self.model,
            self.objective,
            score,
            trainer_options(self.config),
            strength=self.config.training.strength,
            floor=floor,
            checkpoints=self.directory.checkpoints,
            direction=self.reward.direction,
            adjustments=adjustments(self.config, self.reward, floor),
        )
        if has_checkpoint(self.directory.checkpoints):
            trainer.resume()
        elif manifest.iterations_saved:
            raise CheckpointError(
                f"{self.directory.path} had {manifest.iterations_saved} iterations in a checkpoint that is gone, "
                "and beginning again would drop the molecules it recorded.",
                remedy=f"a copy of {self.directory.checkpoints}; or a new run, "
                f"`{pasted('molvm train --config', self.directory.config)} --out` another directory",
            )
        elif self.config.value.start is not None:
            trainer.save()  # what another run has taught must be here even if that run changes or goes
        elif self.config.head_start.molecules:
            self._learn_before(score, floor)
            trainer.save()
            shutil.rmtree(self.directory.head_start, ignore_errors=True)
        return trainer

    def _learn_before(self, score: Scorer, floor: float) -> None:
        """The value network learns from known molecules; the manifest says how well."""
        self._tell_scored = lambda done, count: self.progress.prepare(SCORING, done, count)
        learned = learn_before(
            self.config,
            self.model,
            cast(ValueObjective[Any], self.objective),
            score,
            lambda outcomes: worth(outcomes, self.reward.direction, floor),
            self.directory.head_start,
            progress=self.progress.prepare,
            check=self.interruption.check,
        )
        self._tell_scored = self.progress.scored
        manifest = Manifest.load(self.directory.manifest)
        replace(manifest, head_start=asdict(learned)).save(self.directory.manifest)

    def _train(self, trainer: Trainer) -> None:
        store = RunStore(self.directory, self.reward.name, constraints_of(self.reward), made_by(self.model))
        store.rewind(trainer.iteration)
        first = trainer.iteration
        manifest = self._opened_manifest(first)
        self.progress.begin(first, trainer.options.iterations)

        _say(about_warmup(trainer.options.warmup, trainer.options.iterations) if first == 0 else None)

        watch = FailureWatch(self.config.reward)
        trackers = Trackers(self.config.logging.names, self._tracked(first, manifest))

        def on_iteration(report: Iteration) -> None:
            store.append(report)
            trackers.log(report.index, report.metrics)
            watch.observe(report)
            self.progress.iteration(report)
            if report.index == 0:  # the base's own samples
                limit = trainer.options.sampling.kl_limit
                _say(about_strength(trainer.strength, report.rewards, self.reward.unit, limit))
            missed = None if self._warned_of_missed else about_missed_modes(report.metrics)
            self._warned_of_missed |= missed is not None
            _say(missed)

        status: Status = "failed"
        try:
            trainer.run(on_iteration, self._on_step, lambda: self.interruption.requested or watch.gives_up)
            if watch.gives_up:
                raise watch.error()
            status = "interrupted" if self.interruption.requested else "finished"
        except Abandoned:
            status = "interrupted"
            if self._unsaved(trainer, first):
                trainer.save()
        finally:
            # What went wrong before matters more than a manifest that cannot be written.
            with contextlib.suppress(MolVMError):
                manifest.end_session(status, trainer.iteration).save(self.directory.manifest)
            trackers.close(finished=status == "finished")

    def _tracked(self, first: int, manifest: Manifest) -> Tracked:
        """The run as it is told to whoever follows it elsewhere."""
        path = self.directory.path.resolve()
        key = hashlib.sha256(f"{path} {manifest.created}".encode()).hexdigest()[:16]
        sections = self.config.model_dump(mode="json", exclude={"out"}).items()
        settings = {f"{section}.{name}": value for section, values in sections for name, value in values.items()}
        return Tracked(path.name, key, path, self.config.logging.project, settings, first)

    def _opened_manifest(self, first: int) -> Manifest:
        """The manifest with this session in it; a warning if it cannot repeat the others to the last bit."""
        manifest = Manifest.load(self.directory.manifest)
        threads = torch.get_num_threads()
        if any(session.threads != threads for session in manifest.sessions):
            logger.warning(
                "torch has %d threads now and had %s before: the results may differ in the last bits.",
                threads,
                sorted({session.threads for session in manifest.sessions}),
            )
        manifest = manifest.begin_session(first, threads, self.config.reward.workers)
        manifest.save(self.directory.manifest)
        return manifest

    def _unsaved(self, trainer: Trainer, first: int) -> bool:
        """Whether the last finished iteration lacks a checkpoint: one that is there is better left alone."""
        due = trainer.iteration % self.config.training.checkpoint_every == 0
        return (trainer.iteration > first and not due) or not has_checkpoint(self.directory.checkpoints)

    def _on_step(self, done: int, steps: int) -> None:
        self.interruption.check()
        self.progress.step(done, steps)

    def _on_outcome(self, outcome: Outcome) -> None:  # noqa: ARG002 - only that there is one matters
        self.interruption.check()
        self._scored += 1
        self._tell_scored(self._scored, self._to_score)


def _say(advice: str | None) -> None:
    if advice is not None:
        logger.warning(advice)
