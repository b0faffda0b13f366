"""The settings of a pretraining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from molvm.errors import ConfigError
from molvm.models.flowmol.coupling import Coupling
from molvm.models.precision import resolve_precision
from molvm.training.optimiser import Kind

Objective = Literal["balanced", "flowmol"]


@dataclass(frozen=True)
class PretrainOptions:
    """How a base is trained.

    Args:
        steps: Optimiser steps of the whole schedule.
        batch_size: Molecules of one size in a step.
        max_pairs: Largest number of ordered pairs of atoms in a step; of molecules of n atoms, fewer than `batch_size`
            are taken where it would be exceeded. By default that is the case above 45 atoms.
        learning_rate: Peak learning rate.
        final_learning_rate: Rate at the last step.
        warmup_steps: Linear rise from zero.
        decay_from: Share of the steps after which the rate falls linearly.
        optimiser: "muon" for the hidden layers and AdamW for the rest, or "adamw" for all.
        betas: Of AdamW.
        weight_decay: Of both.
        clip: Largest gradient norm.
        ema_decay: Decay of the weights' moving average, which is what gets sampled.
        coupling: Which noise a molecule is paired with: "independent", as the memoryless SDE presumes, or "aligned" by
            permutation and rotation, as FlowMol's published models were trained.
        objective: "balanced" weighs modalities and times alike (`balanced_loss`); "flowmol" is the released weighting,
            which hardly asks for the fine geometry of late times.
        time_logits: Mean and standard deviation of ln(t/(1 − t)), which is normal (Esser et al. 2024, Stable
            Diffusion 3): most times fall where types and bonds are decided. None draws t uniformly, as FlowMol does.
        self_conditioning_share: Share of the steps in which a first pass's prediction is fed to the second.
        precision: Of the matrix products: "float32", "bfloat16", or "auto", as for sampling (`resolve_precision`).
        shards: Parts of a batch computed at the same time by as many threads. On a few cores this may keep
            them busier than splitting each operation does; then set OMP_NUM_THREADS=1.
        seed: Of data order, noise and times.
        checkpoint_every: Steps between checkpoints.

    Raises:
        ConfigError: A number is out of range.
        UnknownNameError: There is no such precision.
    """

    steps: int = 20_000
    batch_size: int = 64
    max_pairs: int = 131_072
    learning_rate: float = 1e-3
    final_learning_rate: float = 3e-5
    warmup_steps: int = 200
    decay_from: float = 0.5
    optimiser: Kind = "muon"
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-5
    clip: float = 1.0
    ema_decay: float = 0.999
    coupling: Coupling = "independent"
    objective: Objective = "balanced"
    time_logits: tuple[float, float] | None = (0.5, 0.8)
    self_conditioning_share: float = 0.5
    precision: str = "auto"
    shards: int = 1
    seed: int = 0
    checkpoint_every: int = 250

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "max_pairs", "checkpoint_every", "shards"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"Pretraining got {name} = {getattr(self, name)}.", allowed="a whole number from 1 up"
                )
        for name in ("learning_rate", "final_learning_rate", "clip"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(
                    f"Pretraining got {name} = {getattr(self, name)}.", allowed="a positive finite number"
                )
        for name, choices in (("coupling", Coupling), ("objective", Objective), ("optimiser", Kind)):
            if getattr(self, name) not in get_args(choices):
                raise ConfigError(
                    f"Pretraining got {name} = {getattr(self, name)!r}.", allowed=", ".join(get_args(choices))
                )
        resolve_precision(self.precision)
        if self.time_logits is not None and not (len(self.time_logits) == 2 and self.time_logits[1] > 0):
            raise ConfigError(
                f"Pretraining got time_logits = {self.time_logits}.",
                allowed="a mean and a standard deviation above 0, or none",
            )

    def rate(self, step: int) -> float:
        """The learning rate of a step: warm-up, plateau, linear decay."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        start = self.decay_from * self.steps
        fallen = min(1.0, max(0.0, (step - start) / max(1.0, self.steps - start)))
        return self.learning_rate + fallen * (self.final_learning_rate - self.learning_rate)
