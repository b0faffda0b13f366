"""Before the first round: the value network learns from molecules of the dataset that the base model was made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.datasets.registry import DATASET_NAMES, load_dataset
from molvm.datasets.store import MoleculeDataset
from molvm.errors import ConfigError
from molvm.models.base import FlowModel
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.encode import encode_molecules
from molvm.objectives import ValueObjective
from molvm.rewards.base import Outcome
from molvm.runs.assembly import sampling_options
from molvm.runs.config import HeadStartSection, RunConfig
from molvm.runs.sampling import draw_samples
from molvm.runs.unfinished_samples import UnfinishedSamples
from molvm.training.head_start import HeadStart, HeadStartOptions

LEAST: Final = 10
"""Molecules of which some can be held out."""

STREAM: Final = 0x68656164
"""Mixed into the seed of the base's samples, so that no round of training sees the same noise."""

SAMPLING: Final = "sampling the base"
SCORING: Final = "scoring known molecules"
LEARNING: Final = "learning from them"


@dataclass(frozen=True)
class LearnedBefore:
    """What a head start has cost and brought, as the run's manifest keeps it.

    Attributes:
        dataset: Where the molecules are from.
        molecules: How many were scored, samples of the base among them.
        samples: How many of them the base has made.
        failures: How many of them have no reward.
        reward: Mean of the others, in the reward's unit.
        strength: λ that was learned for, which is the run's or as much as could be learned.
        times: At which the understanding was measured.
        explained: Share of the reward's variance that the network sees in held-out molecules noised to these times.
        seconds: What it took since it was begun or resumed.
    """

    dataset: str
    molecules: int
    samples: int
    failures: int
    reward: float
    strength: float
    times: tuple[float, ...]
    explained: tuple[float, ...]
    seconds: float


def check_head_start(config: RunConfig, model: FlowModel, objective: object) -> None:
    """Refuse a head start that cannot be had, before anything is scored.

    Raises:
        ConfigError: The objective learns no value function, the run starts from another one's, molecules would be
            noised to no time at which it steers, or the base model has no dataset, or not as many molecules.
        DatasetError: The dataset is not built.
    """
    if not config.head_start.molecules:
        return
    if not isinstance(objective, ValueObjective):
        raise ConfigError(
            f"The objective {config.objective.name} has no value network that could learn before the first round.",
            allowed="value-matching, classifier-guidance",
            remedy="head_start.molecules = 0",
        )
    if config.value.start is not None:
        raise ConfigError(
            f"The value network would start both from the run {config.value.start} and from known molecules.",
            remedy="value.start or head_start.molecules, one of the two",
        )
    if _noised_from(config) >= config.sampling.steer_until:
        raise ConfigError(
            f"Known molecules would be noised to times from {_noised_from(config):g}, when the value network steers no "
            "more.",
            allowed=f"head_start.noised_from less than sampling.steer_until, {config.sampling.steer_until:g}",
        )
    _drawn(config, model)


def known_molecules(config: RunConfig, model: FlowModel) -> list[Molecule]:
    """Molecules of the training split of the model's dataset, drawn at random without replacement.

    Raises:
        ConfigError: The model has no dataset of molecules, or not as many.
        DatasetError: The dataset is not built.
    """
    dataset, indices = _drawn(config, model)
    return [dataset.molecule(int(index)) for index in indices]


def _noised_from(config: RunConfig) -> float:
    asked = config.head_start.noised_from
    return config.sampling.steer_from if asked is None else asked


def _drawn(config: RunConfig, model: FlowModel) -> tuple[MoleculeDataset, npt.NDArray[np.int64]]:
    """The model's dataset, and which of it are known.

    Raises:
        ConfigError: The model has no dataset of molecules, or not as many.
        DatasetError: The dataset is not built.
    """
    name, count = str(_card(model).get("dataset")), config.head_start.molecules
    if name not in DATASET_NAMES or not isinstance(getattr(model, "config", None), FlowMolConfig):
        raise ConfigError(
            f"The base model {model.name} has no dataset of known molecules to learn from.",
            allowed=f"models of {', '.join(DATASET_NAMES)}",
            remedy="head_start.molecules = 0",
        )
    dataset = load_dataset(name)
    sizes = getattr(model, "conditions", None) or ()
    indices = np.concatenate([dataset.indices("train", size) for size in sizes])
    if not LEAST <= count <= len(indices):
        raise ConfigError(
            f"head_start.molecules is {count}.", allowed=f"0, or {LEAST} to {len(indices)}, as many as {name} has"
        )
    return dataset, np.random.default_rng(config.training.seed).permutation(indices)[:count]


def learn_before(
    config: RunConfig,
    model: FlowModel,
    objective: ValueObjective[Any],
    score: Callable[[list[Any]], list[Outcome]],
    worth: Callable[[Sequence[Outcome]], Tensor],
    folder: Path,
    *,
    progress: Callable[[str, int, int], None],
    check: Callable[[], None],
) -> LearnedBefore:
    """Score known molecules, learn from them, and give the objective what was learned.

    Args:
        config: The run's settings.
        model: The base model.
        objective: Fresh.
        score: The run's scorer; outcomes that are known cost nothing, so that an interrupted head start goes on soon.
        worth: What outcomes are worth, shape (M,).
        folder: Of the head start's own checkpoints.
        progress: Called with (what is done, so much of it, in all).
        check: Called often; what it raises ends the work, and a checkpoint stays.

    Raises:
        ConfigError: As `check_head_start`, or all molecules are worth the same.
        RewardError: What the scorer raises.
    """
    started, section = time.perf_counter(), config.head_start
    known = known_molecules(config, model)
    drawn = _base_samples(config, model, folder / "samples", partial(progress, SAMPLING), check)
    molecules: list[Molecule] = [*known, *drawn]
    outcomes = score(list(molecules))
    network_config: FlowMolConfig = getattr(model, "config")  # noqa: B009 - the protocol of models has none
    head_start = HeadStart(
        model,
        objective.value,
        lambda index: encode_molecules([molecules[i] for i in index.tolist()], network_config),
        torch.tensor([molecule.n_atoms for molecule in molecules]),
        worth(outcomes),
        _views(section, len(known), len(drawn)),
        HeadStartOptions(
            first=_noised_from(config),
            last=config.sampling.steer_until,
            seed=config.training.seed,
            **section.model_dump(include={"epochs", "batch_size", "learning_rate", "weight_decay"}),
        ),
        folder / "learned",
    )
    understanding = head_start.run(partial(progress, LEARNING), check)
    objective.start_from(head_start.learned)
    values = [outcome.value for outcome in outcomes if outcome.value is not None]
    return LearnedBefore(
        str(_card(model)["dataset"]),
        len(molecules),
        len(drawn),
        len(molecules) - len(values),
        float(np.mean(values)),
        head_start.strength,
        **asdict(understanding),
        seconds=time.perf_counter() - started,
    )


def _base_samples(
    config: RunConfig, model: FlowModel, folder: Path, progress: Callable[[int, int], None], check: Callable[[], None]
) -> list[Molecule]:
    """What the base makes, in batches that are kept."""
    count = config.head_start.samples
    if count == 0:
        return []

    def on_step(done: int, steps: int) -> None:
        check()
        progress(count * done // steps, count)

    samples = draw_samples(
        model,
        count,
        seed=config.training.seed ^ STREAM,
        sampling=sampling_options(config),
        unfinished=UnfinishedSamples(folder, {}),
        progress=on_step,
    )
    progress(count, count)
    return list(samples)


def _views(section: HeadStartSection, known: int, drawn: int) -> Tensor:
    """How often each molecule is noised, those of the dataset first, so that the samples have their share."""
    views = torch.full((known + drawn,), section.views)
    if drawn:
        wanted = section.share / (1 - section.share) * section.views * known / drawn
        views[known:] = max(1, round(wanted))
    return views


def _card(model: FlowModel) -> dict[str, Any]:
    card: dict[str, Any] = getattr(model, "card", {})
    return card
