"""Pretraining of a FlowMol base on a dataset of 3D molecules."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from molvm.datasets.store import DenseBatch, MoleculeDataset
from molvm.errors import CheckpointError, ConfigError, DatasetError, DivergenceError, OutputExistsError
from molvm.models.flowmol.batches import clean_state, one_size_batches
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.coupling import aligned_noise
from molvm.models.flowmol.matching import (
    MatchingLoss,
    balanced_loss,
    flowmol_schedules,
    matching_loss,
    time_weights,
)
from molvm.models.flowmol.network import FlowMolNetwork, to_endpoint
from molvm.models.precision import resolve_precision
from molvm.schedules import interpolate
from molvm.states import MoleculeState
from molvm.training.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint
from molvm.training.optimiser import Optimiser
from molvm.training.pretrain_options import PretrainOptions

logger = logging.getLogger(__name__)

TIME_MARGIN: Final = 0.005
"""Training times are drawn from [margin, 1 − margin]: at the ends the endpoint is either noise alone or x itself."""

EMA_RAMP: Final = 10.0
"""The average over s steps starts with decay (1 + s)/(ramp + s), so that early weights are forgotten soon."""


@dataclass(frozen=True)
class PretrainProgress:
    """What a step reports.

    Attributes:
        step: Finished steps.
        steps: Steps in all.
        losses: Running mean of the loss of each modality and of their weighted sum, "total".
        rate: Learning rate.
    """

    step: int
    steps: int
    losses: dict[str, float]
    rate: float


@dataclass(frozen=True)
class _Shard:
    data: MoleculeState
    noise: MoleculeState
    t: Tensor
    second_pass: bool


class Pretrainer:
    """Flow matching, by default with independent noise: alignment makes the score inexact.

    Args:
        dataset: Molecules with a "train" split.
        config: The network's shape.
        options: How to train.
        out: Folder of the run's checkpoints.

    Raises:
        ConfigError: The network's elements are not the dataset's.
        DatasetError: There is nothing to train on.
    """

    def __init__(self, dataset: MoleculeDataset, config: FlowMolConfig, options: PretrainOptions, out: Path) -> None:
        if dataset.elements != config.elements:
            raise ConfigError(
                f"The network is for the elements {', '.join(config.elements)}.",
                allowed=f"{', '.join(dataset.elements)}, in this order, because the dataset has them",
            )
        if not len(dataset.indices("train")):
            raise DatasetError("The dataset has no training molecules.", remedy="another split")
        self.dataset, self.config, self.options, self.out = dataset, config, options, out
        self.precision = resolve_precision(options.precision)
        self.schedules = flowmol_schedules(config)
        self.generator = torch.Generator().manual_seed(options.seed)
        self.order = np.random.default_rng(options.seed)
        # Initial weights come from torch's global generator; fork it so that a caller's stream is left alone.
        with torch.random.fork_rng():
            torch.manual_seed(options.seed)
            self.network = FlowMolNetwork(config)
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.optimiser = Optimiser(self.network, options.optimiser, options.betas, options.weight_decay)
        self.parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.position_variance = dataset.position_variance("train")
        self.step = 0
        self.running: dict[str, float] = {}
        self._core_seconds = 0.0
        self._began = time.process_time()

    @property
    def core_seconds(self) -> float:
        """Processor time spent so far, in all sessions."""
        return self._core_seconds + time.process_time() - self._began

    def run(
        self,
        report: Callable[[PretrainProgress], None] | None = None,
        stop: Callable[[], bool] | None = None,
        after_step: Callable[[Pretrainer], None] | None = None,
    ) -> None:
        """Trains to the last step, with a checkpoint every `checkpoint_every` steps and at the end.

        Args:
            report: Called after each step.
            stop: Asked after each step; true ends the run early, with a checkpoint.
            after_step: Given the weights as they are after each step.

        Raises:
            DivergenceError: The loss or its gradient is not finite.
        """
        batches = self._batches()
        while self.step < self.options.steps:
            self._train_step(next(batches))
            if report is not None:
                report(
                    PretrainProgress(self.step, self.options.steps, dict(self.running), self.options.rate(self.step))
                )
            if after_step is not None:
                after_step(self)
            stopping = stop is not None and stop()
            if stopping or self.step % self.options.checkpoint_every == 0 or self.step == self.options.steps:
                self.save()
            if stopping:
                return

    def save(self) -> Path:
        """Publishes a checkpoint of everything that `resume` needs."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        tensors |= {f"optimiser.{name}": value for name, value in self.optimiser.tensors().items()}
        tensors["generator"] = self.generator.get_state()
        metadata = {
            "kind": "pretraining",
            "dataset": self.dataset.manifest.get("name"),
            "config": self.config.to_dict(),
            "options": asdict(self.options),
            "order": self.order.bit_generator.state,
            "running": self.running,
            "core_seconds": self.core_seconds,
        }
        return save_checkpoint(self.out / "checkpoints", self.step, tensors, metadata)

    def resume(self) -> None:
        """Goes on from the newest whole checkpoint.

        Data order is exact up to the epoch: the epoch that was interrupted begins anew.

        Raises:
            CheckpointError: There is none, or it is of another network or dataset.
        """
        checkpoint = load_checkpoint(self.out / "checkpoints")
        saved = checkpoint.metadata.get("config")
        if saved is None or FlowMolConfig.from_dict(saved) != self.config:
            raise CheckpointError(
                f"The checkpoint {checkpoint.path} is not of this network.", remedy="the settings it was written with"
            )
        dataset, name = checkpoint.metadata.get("dataset"), self.dataset.manifest.get("name")
        # The first checkpoints did not name it.
        if dataset is not None and dataset != name:
            raise CheckpointError(
                f"The checkpoint {checkpoint.path} is of the dataset {dataset!r}, not of {name!r}.",
                remedy=f"--dataset {dataset}",
            )
        self.network.load_state_dict(checkpoint.part("network"))
        self.average = {name: value.clone() for name, value in checkpoint.part("average").items()}
        self.optimiser.load(checkpoint.part("optimiser"))
        self.generator.set_state(checkpoint.tensors["generator"])
        self.order.bit_generator.state = checkpoint.metadata["order"]
        self.running = dict(checkpoint.metadata["running"])
        # The first checkpoints did not count them.
        self._core_seconds = float(checkpoint.metadata.get("core_seconds", 0.0))
        self.step = checkpoint.step

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Starts warm from published weights: network and average, a fresh optimiser."""
        self.network.load_state_dict(weights)
        self.average = {name: value.detach().clone() for name, value in weights.items()}

    def _batches(self) -> Iterator[DenseBatch]:
        while True:
            yield from one_size_batches(
                self.dataset, "train", self.options.batch_size, self.order, self.options.max_pairs
            )

    def _train_step(self, batch: DenseBatch) -> None:
        shards = self._shards(batch)
        shares = [len(shard.t) / len(batch.types) for shard in shards]
        gradients, parts = zip(*self._mapped(shards), strict=True)
        for parameter, of_shards in zip(self.parameters, zip(*gradients, strict=True), strict=True):
            weighted = [share * g for share, g in zip(shares, of_shards, strict=True) if g is not None]
            parameter.grad = torch.stack(weighted).sum(dim=0) if weighted else None
        losses = {name: sum(share * part[name] for share, part in zip(shares, parts, strict=True)) for name in parts[0]}
        self._check("loss", losses["total"])
        self._check("gradient's norm", float(clip_grad_norm_(self.parameters, self.options.clip)))
        self.optimiser.step(self.options.rate(self.step))
        self.step += 1
        self._update_average()
        for name, value in losses.items():
            self.running[name] = 0.99 * self.running.get(name, value) + 0.01 * value

    def _check(self, name: str, value: float) -> None:
        if not math.isfinite(value):
            raise DivergenceError(
                f"The pretraining {name} is {value} at step {self.step}.",
                remedy="a lower learning rate, or go on from the last checkpoint with --resume",
            )

    def _mapped(self, shards: list[_Shard]) -> list[tuple[tuple[Tensor | None, ...], dict[str, float]]]:
        if len(shards) == 1:
            # In the main thread, to which glibc hands its own memory back; other threads fetch theirs from the kernel.
            return [self._gradients(shards[0])]
        with ThreadPoolExecutor(len(shards), thread_name_prefix="shard") as workers:
            return list(workers.map(self._gradients, shards))

    def _shards(self, batch: DenseBatch) -> list[_Shard]:
        """The batch with its noise and times, in nearly equal parts; all randomness is drawn here, in one thread."""
        count = len(batch.types)
        mirror = torch.rand(count, generator=self.generator) < 0.5
        data = clean_state(batch, self.config, mirror)
        t = self._times(count)
        noise = data.randn_like(self.generator)
        if self.options.coupling == "aligned":
            noise = aligned_noise(noise, data)
        second_pass = float(torch.rand((), generator=self.generator)) < self.options.self_conditioning_share
        return [
            _Shard(data.select(part), noise.select(part), t[part], self.config.self_conditioning and second_pass)
            for part in torch.arange(count).tensor_split(min(self.options.shards, count))
        ]

    def _gradients(self, shard: _Shard) -> tuple[tuple[Tensor | None, ...], dict[str, float]]:
        """Gradients of the shard's mean loss, and its value by modality."""
        x = interpolate(self.schedules, shard.noise, shard.data, shard.t)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            previous: MoleculeState | None = None
            if shard.second_pass:
                with torch.no_grad():
                    previous = to_endpoint(self.network(x, shard.t))
            logits = self.network(x, shard.t, previous)
        loss = self._loss(logits, shard)
        # torch.autograd.grad, because two threads must not add to the same .grad.
        gradients = torch.autograd.grad(loss.total, self.parameters, allow_unused=True)
        parts = {name: float(value.detach()) for name, value in loss.by_modality.items()}
        return gradients, {**parts, "total": float(loss.total.detach())}

    def _times(self, count: int) -> Tensor:
        if self.options.time_logits is None:
            return TIME_MARGIN + (1 - 2 * TIME_MARGIN) * torch.rand(count, generator=self.generator)
        mean, deviation = self.options.time_logits
        t = torch.sigmoid(mean + deviation * torch.randn(count, generator=self.generator))
        return t.clamp(TIME_MARGIN, 1 - TIME_MARGIN)

    def _loss(self, logits: MoleculeState, shard: _Shard) -> MatchingLoss:
        if self.options.objective == "balanced":
            return balanced_loss(logits, shard.data, self.schedules, shard.t, self.position_variance)
        return matching_loss(logits, shard.data, time_weights(self.schedules, shard.t))

    def _update_average(self) -> None:
        decay = min(self.options.ema_decay, (1 + self.step) / (EMA_RAMP + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)


def pretrain(
    dataset: MoleculeDataset,
    config: FlowMolConfig,
    options: PretrainOptions,
    out: Path,
    *,
    resume: bool = False,
    weights: dict[str, Tensor] | None = None,
    report: Callable[[PretrainProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    after_step: Callable[[Pretrainer], None] | None = None,
) -> Pretrainer:
    """Trains a FlowMol base and leaves its checkpoints in `out`.

    Args:
        dataset: Molecules with a "train" split.
        config: The network's shape.
        options: How to train.
        out: Folder of the run.
        resume: Go on from the newest checkpoint in `out`.
        weights: Start warm from these instead of from random ones.
        report: Called after each step.
        stop: Asked after each step; true ends the run early, with a checkpoint.
        after_step: Given the pretraining as it is after each step.

    Raises:
        OutputExistsError: `out` holds checkpoints and `resume` is false.
        CheckpointError: `resume` is true and there is no whole checkpoint.
        DivergenceError: The loss or its gradient is not finite.
    """
    trainer = Pretrainer(dataset, config, options, out)
    if resume:
        trainer.resume()
    elif has_checkpoint(out / "checkpoints"):
        raise OutputExistsError(
            f"{out} holds the checkpoints of an earlier pretraining.", remedy="--resume, or another --out"
        )
    if weights is not None and not resume:
        trainer.start_from(weights)
    trainer.run(report, stop, after_step)
    return trainer
