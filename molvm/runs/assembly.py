"""From settings to the objects that train: model, value function, scorer, trainer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from molvm.errors import ConfigError
from molvm.models.base import BaseModel, FlowModel
from molvm.models.images.conditioning import Conditioning
from molvm.models.precision import resolve_precision
from molvm.objectives import (
    AdjointMatching,
    AdjointMatchingOptions,
    AnyResidualObjective,
    ClassifierGuidance,
    ClassifierGuidanceOptions,
    CtPpo,
    CtPpoOptions,
    Ddpo,
    DdpoOptions,
    Dpok,
    DpokOptions,
    Draft,
    DraftOptions,
    Ingredients,
    Refl,
    ReflOptions,
    ValueMatching,
    ValueMatchingOptions,
    ValueObjective,
    VggFlow,
    VggFlowOptions,
)
from molvm.rewards.base import Outcome, Reward, SampleReward
from molvm.rewards.constraint import constraints_of
from molvm.rewards.diversity import diversity_of
from molvm.rewards.isolated import Isolated
from molvm.rewards.pools import fitting_workers, open_pool
from molvm.runs.adaptations import trained_by
from molvm.runs.config import ModelSection, RewardSection, RunConfig
from molvm.runs.kept_outcomes import kept_outcomes
from molvm.runs.objective_sections import ClassifierGuidanceSection, DriftSection, GradientSection
from molvm.runs.surrogates import surrogate_of
from molvm.sde import SamplingOptions, Transition, simulate
from molvm.training.adjustment import Adjustment
from molvm.training.lagrangian import AugmentedLagrangian, LagrangianOptions
from molvm.training.scaffold_memory import ScaffoldMemory
from molvm.training.trainer import TrainerOptions
from molvm.training.worth import frozen_floor

RESIDUAL_OBJECTIVES: Final[Mapping[str, tuple[type[AnyResidualObjective], type[Any]]]] = {
    "ddpo": (Ddpo, DdpoOptions),
    "adjoint_matching": (AdjointMatching, AdjointMatchingOptions),
    "vgg_flow": (VggFlow, VggFlowOptions),
    "refl": (Refl, ReflOptions),
    "draft": (Draft, DraftOptions),
    "dpok": (Dpok, DpokOptions),
    "ct_ppo": (CtPpo, CtPpoOptions),
}
"""The algorithms that train a residual control by their names, each with its options."""

CALIBRATION_STREAM = 0x666C6F6F72
"""Mixed into the seed of the base batch that settles the floor, so that training does not see the same noise."""


def model_location(name: str) -> str:
    """The name as it is stored with a run: the model that "geom" means, and a directory's absolute path."""
    from molvm.models.hub import model_names, resolve_name

    name = resolve_name(name)
    return name if name in model_names() or not Path(name).is_dir() else str(Path(name).resolve())


def model_digest(model: BaseModel) -> str | None:
    """The SHA-256 of the model's weights, when its card has it."""
    card: Any = getattr(model, "card", {})
    digest = card.get("sha256")
    return str(digest) if digest else None


def located_model(config: RunConfig, model: BaseModel | None) -> dict[str, str]:
    """The model's settings so that they mean the same elsewhere: where it lies, and its precision on this machine."""
    if model is None:
        section = config.model
        return {"name": model_location(section.name), "precision": resolve_precision(section.precision, section.device)}
    return {"name": model.name, "precision": getattr(model, "precision", "float32")}


def model_note(model: object) -> str | None:
    """What the model's card says of its data that nobody should overlook."""
    card: Any = getattr(model, "card", {})
    note = card.get("dataset_note")
    return str(note) if note else None


def conditioning_of(section: ModelSection) -> Conditioning:
    """What images the base model is asked for.

    Raises:
        ConfigError: Both prompts and classes.
    """
    return Conditioning(section.prompts, section.classes, section.guidance_scale)


def build_objective(
    config: RunConfig, model: FlowModel, reward: Reward | None = None
) -> ValueObjective[Any] | AnyResidualObjective:
    """A fresh objective, its network initialised by the run's seed.

    Args:
        config: The run's settings.
        model: The base model.
        reward: The reward; None to restore what was trained, and not to train.

    Raises:
        ConfigError: It cannot do what the settings ask for, or not with this reward.
    """
    if isinstance(config.objective, DriftSection):
        return _residual(config, config.objective, model, reward)
    settings: dict[str, Any] = config.objective.model_dump(exclude={"name"})
    strength, conditions = config.training.strength, getattr(model, "conditions", None)
    features = _value_features(config, model)
    if isinstance(config.objective, ClassifierGuidanceSection):
        return ClassifierGuidance.build(
            features,
            model.schedules,
            strength,
            conditions=conditions,
            options=ClassifierGuidanceOptions(**settings),
            predict_endpoint=model.predict_endpoint,
        )
    return ValueMatching.build(
        features, model.schedules, strength, conditions=conditions, options=ValueMatchingOptions(**settings)
    )


def _value_features(config: RunConfig, model: FlowModel) -> nn.Module:
    # torch-geometric takes longer to import than all the rest, and base models are sampled without it.
    from molvm.values.ladder import build_features

    section = config.value
    return build_features(model, section.size, _initial_weights(config), section.reads, handed=section.handed)


def _residual(
    config: RunConfig, section: DriftSection, model: FlowModel, reward: Reward | None
) -> AnyResidualObjective:
    """An objective that trains a residual control, or an adapter of the base."""
    from molvm.values.ladder import build_control_features

    _refuse_what_needs_a_value(config)
    algorithm, options = RESIDUAL_OBJECTIVES[config.objective.name]
    settings = section.model_dump(exclude={"name", *GradientSection.model_fields})

    def field() -> nn.Module:
        return build_control_features(model, config.value.size, _initial_weights(config))

    trained = trained_by(section, model, field, config.training.seed)
    control = algorithm.control_of(trained, model.schedules, config.training.strength)
    ingredients = Ingredients(
        model,
        reward,
        critic=lambda: _value_features(config, model),
        field=field,
        steps=_steps(config, model),
        surrogate=surrogate_of(config, model, reward),
    )
    return algorithm.build(control, options(**settings), ingredients)


def _steps(config: RunConfig, model: FlowModel) -> Transition:
    options = sampling_options(config)
    grid = options.grid(model.schedules)
    return options.stepper(model)(model.schedules, grid[:-1], grid[1:])


def _refuse_what_needs_a_value(config: RunConfig) -> None:
    for section, setting, plain in (
        ("value", "reads", "state"),
        ("value", "handed", False),
        ("value", "start", None),
        ("sampling", "kl_limit", None),
        ("sampling", "steer_from", 0.0),
        ("sampling", "steer_until", 1.0),
    ):
        if (value := getattr(getattr(config, section), setting)) != plain:
            raise ConfigError(
                f"The objective {config.objective.name} trains a control that has no value function, and "
                f"{section}.{setting} is {value!r}.",
                allowed=repr(plain),
                remedy="the objective value-matching or classifier-guidance",
            )


def _initial_weights(config: RunConfig) -> torch.Generator:
    return torch.Generator().manual_seed(config.training.seed)


def trainer_options(config: RunConfig) -> TrainerOptions:
    """The trainer's share of the settings."""
    return TrainerOptions(sampling=sampling_options(config), **config.training.model_dump(exclude={"strength"}))


def sampling_options(config: RunConfig) -> SamplingOptions:
    """How the run simulates the SDE, or the ODE if that is what it trains.

    Raises:
        ConfigError: The control is to look ahead or to choose, and cannot.
    """
    drift = isinstance(config.objective, DriftSection)
    if config.sampling.look_ahead and (drift or config.value.reads == "endpoint"):
        raise ConfigError(
            f"sampling.look_ahead is {config.sampling.look_ahead} with value.reads = {config.value.reads} and the "
            f"objective {config.objective.name}.",
            allowed="value.reads = state, and an objective that learns a value function",
            remedy="sampling.look_ahead = 0",
        )
    if config.sampling.candidates > 1 and drift:
        raise ConfigError(
            f"sampling.candidates is {config.sampling.candidates}, and the objective {config.objective.name} learns no "
            "value function that could choose.",
            allowed="1, or an objective that learns a value function",
        )
    if config.sampling.candidates > 1 < config.sampling.choose_every and getattr(config.objective, "retarget", False):
        raise ConfigError(
            f"sampling.choose_every is {config.sampling.choose_every}, and objective.retarget needs the noise of every "
            "step.",
            remedy="one of the two",
        )
    algorithm, _ = RESIDUAL_OBJECTIVES.get(config.objective.name, (None, None))
    noise_level = 1.0 if algorithm is None else algorithm.noise_level
    return SamplingOptions(**config.sampling.model_dump(), noise_level=noise_level)


def adjustments(config: RunConfig, reward: Reward, floor: float) -> tuple[Adjustment, ...]:
    """What the run has to see to that no single molecule can know: what was paid before, then the bounds."""
    diversity, constraints = diversity_of(reward), constraints_of(reward)
    found: list[Adjustment] = []
    if diversity is not None:
        found.append(ScaffoldMemory(diversity, reward.direction, floor))
    if constraints:
        found.append(AugmentedLagrangian(constraints, LagrangianOptions(**config.constraints.model_dump())))
    return tuple(found)


def isolated_reward(
    reward: Reward,
    section: RewardSection,
    progress: Callable[[Outcome], None] | None = None,
    check: Callable[[], None] | None = None,
) -> tuple[Reward, Callable[[], None]]:
    """The reward in worker processes, and what ends them.

    A reward that is not a `SampleReward` knows itself where it is computed.

    Args:
        reward: The reward.
        section: How many workers, how long they may take, and whether known outcomes are taken.
        progress: Called with every outcome as it comes in.
        check: Called at least once a second; what it raises ends the batch.
    """
    if not isinstance(reward, SampleReward):
        return reward, lambda: None
    pool = open_pool(
        fitting_workers(section.workers, reward), time_limit=section.time_limit, cache=kept_outcomes(section.cache)
    )
    return Isolated(reward, pool, progress, check), pool.close


def declared_floor(config: RunConfig, reward: Reward) -> float | None:
    """What a failure is worth as set, or as the reward says; None if neither does."""
    return config.reward.floor if config.reward.floor is not None else reward.floor


def settle_floor(
    config: RunConfig, model: FlowModel, reward: Reward, score: Callable[[list[Any]], list[Outcome]]
) -> float:
    """What a failure is worth in this run: as set, as the reward says, or the worst value of a scored base batch.

    Raises:
        RewardError: Nothing is set or said, and the reward fails on the whole base batch.
    """
    declared = declared_floor(config, reward)
    outcomes = [] if declared is not None else score(_base_batch(config, model))
    return frozen_floor(declared, outcomes, reward.direction)


def _base_batch(config: RunConfig, model: FlowModel) -> list[Any]:
    generator = torch.Generator().manual_seed(config.training.seed ^ CALIBRATION_STREAM)
    count = config.training.batch_size
    noise = model.noise(model.sample_condition(count, generator), count, generator)
    options = sampling_options(config)
    grid, stepper = options.grid(model.schedules), options.stepper(model)
    path = simulate(model, noise, grid, generator=generator, stepper=stepper, keep_states=False)
    return model.decode(path.terminal)
