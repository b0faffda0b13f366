"""The one schema of a training run, for the command line, the file, Python and the app.

Imports no torch, so that a form or a check of a file is quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    FiniteFloat,
    ModelWrapValidatorHandler,
    Strict,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from molvm.arguments import typed
from molvm.errors import ConfigError
from molvm.rewards.workers import Workers, read_workers
from molvm.runs.config_errors import explain
from molvm.runs.objective_sections import ObjectiveSection, ValueMatchingSection
from molvm.runs.section import PositiveFloat, Section

ValueSize = Literal["A", "B", "C", "D", "E", "F"]


def _workers(given: object) -> object:
    if given is None:
        return None
    try:
        return read_workers(given if isinstance(given, int) else str(given))
    except ConfigError as error:
        raise PydanticCustomError("workers", str(error.allowed)) from error


def _lines(given: object) -> object:
    """A list, or the lines of the file that a text names."""
    if not isinstance(given, str):
        return tuple(map(str, given)) if isinstance(given, list | tuple) else given
    try:
        lines = Path(given).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PydanticCustomError("lines", f"a text file, one on each line, and {given!r} cannot be read") from error
    found = tuple(line.strip() for line in lines if line.strip())
    if not found:
        raise PydanticCustomError("lines", f"a text file, one on each line, and {given!r} has none")
    return found


def _classes(given: object) -> object:
    """A list, the lines of a file, or what a text has between its commas."""
    if isinstance(given, str) and not Path(given).expanduser().is_file():
        return tuple(name.strip() for name in given.split(",") if name.strip())
    return _lines(given)


class ModelSection(Section):
    """The frozen base model."""

    name: Annotated[str, Field(min_length=1)] = Field(
        "qm9", description="a bundled model (`molvm models list`) or the directory of one"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of the base model's matrix products; auto is bfloat16 where the device multiplies in it"
    )
    prompts: Annotated[tuple[str, ...], BeforeValidator(_lines)] = Field(
        (), description="what images are to show, a list or a file with one on each line; for models that take texts"
    )
    classes: Annotated[tuple[str, ...], BeforeValidator(_classes)] = Field(
        (), description="names or numbers, a list or a file; for models of images that have classes; unset: all"
    )
    guidance_scale: Annotated[FiniteFloat, Field(ge=1)] = Field(
        1.0, description="of classifier-free guidance, a part of the base model; 1 is none, as in the paper"
    )
    device: Annotated[str, Field(min_length=1)] = Field(
        "cpu", description="where the networks of a published model of images compute: cpu, cuda, mps"
    )
    offload: bool = Field(
        False,
        description="keep on that device only the network in use: text encoders, then denoiser, then decoder; the rest "
        "waits in the machine's memory",
    )
    compile: bool = Field(
        False, description="compile the base model: a minute at the start, and a fifth faster from then on"
    )


class RewardSection(Section):
    """What the samples are paid for, and how it is computed."""

    name: Annotated[str, Field(min_length=1)] = Field(
        "dipole", description="an expression of rewards (`molvm rewards list`), or path.py:name of one of your own"
    )
    floor: FiniteFloat | None = Field(
        None, description="worth of a failed molecule; unset: the reward's own floor, else the worst of a base batch"
    )
    workers: Annotated[Workers | None, BeforeValidator(_workers)] = Field(
        None, description="worker processes, or dask://host:port; unset: a process a core"
    )
    time_limit: PositiveFloat = Field(60.0, description="seconds that one molecule may take")
    cache: bool = Field(True, description="take outcomes that are known already, and keep new ones for later")
    max_failures: Annotated[FiniteFloat, Field(gt=0, le=1)] = Field(
        0.98, description="share of failures in a round that is too many"
    )
    patience: Annotated[int, Field(ge=1)] = Field(
        5, description="rounds in a row with too many failures after which the run stops"
    )


class ConstraintsSection(Section):
    """How the cost of bounds is found, if the reward has any (`constrained`); `molvm.training.lagrangian`."""

    penalty: PositiveFloat = Field(1.0, description="what a violation costs at once, both in their spreads")
    rate: PositiveFloat = Field(0.1, description="part of it that becomes permanent each round")
    window: PositiveFloat = Field(128.0, description="molecules over which violations are averaged")


class SamplingSection(Section):
    """How the controlled SDE is simulated."""

    steps: Annotated[int, Field(ge=1)] = Field(100, description="steps from noise to data")
    steer_from: Annotated[FiniteFloat, Field(ge=0, lt=1)] = Field(
        0.0, description="time before which the base runs alone, 0 being noise and 1 data"
    )
    steer_until: Annotated[FiniteFloat, Field(gt=0, le=1)] = Field(1.0, description="time after which it does again")
    focus: Annotated[FiniteFloat, Field(ge=1, le=20)] = Field(
        1.0, description="steps between these times are so many times shorter than the others"
    )
    kl_limit: PositiveFloat | None = Field(
        None, description="nats that steering may cost a sample at most; unset: no limit"
    )
    transition: Literal["euler_maruyama", "analytic_variance", "ddim"] = Field(
        "euler_maruyama",
        description="how a step is made; analytic_variance needs fewer of them, and a calibrated model; ddim is the "
        "usual one of latent diffusion",
    )
    look_ahead: Annotated[int, Field(ge=0, le=4)] = Field(
        0,
        description="more gradients of the value network a step, which find the control where the step leads; "
        "1 or 2 make few steps tilt as much as many",
    )
    candidates: Annotated[int, Field(ge=1, le=64)] = Field(
        1,
        description="next states that the base proposes for the value network to choose from; 1 steers by its gradient",
    )
    choose_every: Annotated[int, Field(ge=1, le=64)] = Field(
        1,
        description="steps that each candidate takes before the value network chooses; of no effect with one candidate",
    )
    avoid: Literal["nothing", "broken", "broken_and_charged"] = Field(
        "nothing",
        description="candidates that are hardly ever chosen if the base expects them to be so, after t = 0.75; broken "
        "is what has open valences, too many, or pieces",
    )


class ValueSection(Section):
    """The value network."""

    size: ValueSize = Field("B", description="from A, the smallest, to F, the largest")
    reads: Literal["state", "endpoint"] = Field(
        "state", description="what it is given: the noisy sample, as in the paper, or what the base expects of it"
    )
    handed: bool = Field(
        False, description="let it tell molecules from their mirror images, for rewards that do (shape, docking)"
    )
    start: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="directory of a run, of the same base and reward, whose value network to start from"
    )


class HeadStartSection(Section):
    """What the value network learns from the base model's own dataset before the first round; `HeadStartOptions`."""

    molecules: Annotated[int, Field(ge=0)] = Field(
        0, description="molecules of the dataset that are scored and learned from; 0: none, as in the paper"
    )
    noised_from: Annotated[FiniteFloat, Field(ge=0, lt=1)] | None = Field(
        None, description="time from which they are noised, as late as the first choice; unset: sampling.steer_from"
    )
    views: Annotated[int, Field(ge=1)] = Field(
        2, description="how often each of them is noised; 5 to 20 where there are few"
    )
    samples: Annotated[int, Field(ge=0)] = Field(
        0,
        description="molecules that the base samples, scored and learned from beside: of them it learns what fails",
    )
    share: Annotated[FiniteFloat, Field(gt=0, lt=1)] = Field(
        0.3, description="of what is learned from that is of these samples, each of which is noised the more often"
    )
    epochs: Annotated[int, Field(ge=1)] = Field(4, description="how often each noised molecule is learned from")
    batch_size: Annotated[int, Field(ge=2)] = Field(48, description="molecules of a gradient step")
    learning_rate: PositiveFloat = Field(1e-3, description="of AdamW; it falls to nothing")
    weight_decay: Annotated[FiniteFloat, Field(ge=0)] = Field(0.01, description="of AdamW")


class TrainingSection(Section):
    """The loop."""

    strength: PositiveFloat = Field(
        100.0, description="lambda: the samples aim at p(x) proportional to p_base(x) exp(lambda r(x))"
    )
    iterations: Annotated[int, Field(ge=1)] = Field(1000, description="rounds of sampling, scoring and learning")
    batch_size: Annotated[int, Field(ge=2)] = Field(128, description="molecules in a round")
    updates: Annotated[int, Field(ge=1)] = Field(
        1, description="gradient steps on each round, each on a part of its times"
    )
    warmup: Annotated[int, Field(ge=0)] = Field(0, description="rounds at the start that the base samples unsteered")
    learning_rate: PositiveFloat = Field(1e-4, description="of AdamW")
    final_learning_rate_share: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        0.01, description="share of the learning rate that is left at the last iteration"
    )
    constant_iterations: Annotated[int, Field(ge=0)] = Field(
        100, description="iterations before the learning rate begins to fall"
    )
    weight_decay: Annotated[FiniteFloat, Field(ge=0)] = Field(
        0.0, description="of AdamW; 1 to 5 with few molecules and a high learning rate"
    )
    clip: PositiveFloat = Field(1.0, description="largest gradient norm")
    checkpoint_every: Annotated[int, Field(ge=1)] = Field(10, description="iterations between checkpoints")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(0, description="of all randomness")


class LoggingSection(Section):
    """Where metrics go besides the run's metrics.jsonl; each needs the extra of its name."""

    tensorboard: bool = Field(False, description="event files in the run's folder tensorboard")
    wandb: bool = Field(False, description="Weights & Biases; WANDB_MODE=offline keeps it on this machine")
    mlflow: bool = Field(False, description="the server of MLFLOW_TRACKING_URI, else the run's folder mlruns")
    project: Annotated[str, Field(min_length=1)] = Field("molvm", description="what the run is filed under there")

    @property
    def names(self) -> list[str]:
        """Those that are asked for."""
        return [name for name in LOGGERS if getattr(self, name)]


LOGGERS: Final = ("tensorboard", "wandb", "mlflow")


SOURCE: Final = "source"
"""What validation is told: where the settings come from."""


class RunConfig(Section):
    """Everything that defines a run but its directory.

    Raises:
        ConfigError: A setting is unknown or out of range; the message names it, what is allowed, and the nearest
            spelling.
    """

    model: ModelSection = ModelSection()
    reward: RewardSection = RewardSection()
    objective: ObjectiveSection = ValueMatchingSection()
    sampling: SamplingSection = SamplingSection()
    value: ValueSection = ValueSection()
    constraints: ConstraintsSection = ConstraintsSection()
    head_start: HeadStartSection = HeadStartSection()
    training: TrainingSection = TrainingSection()
    logging: LoggingSection = LoggingSection()
    out: Annotated[Path, Strict(strict=False)] | None = Field(None, description="the run's directory")

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, values: Any, check: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        try:
            return check(values)
        except ValidationError as error:
            raise explain(error, cls, (info.context or {}).get(SOURCE, "RunConfig")) from error

    @classmethod
    @typed()
    def from_mapping(cls, values: Mapping[str, Any], source: str = "the settings") -> Self:
        """Check plain values.

        Args:
            values: Sections by name, each with its settings.
            source: Where they come from, for the message.

        Raises:
            ConfigError: As from the class.
        """
        return cls.model_validate(dict(values), context={SOURCE: source})
