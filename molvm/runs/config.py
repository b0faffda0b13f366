"""The one schema of a training run, for the command line, the file, Python and the app.

Imports no torch, so that a form or a check of a file is quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    Strict,
    Tag,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from molvm.errors import ConfigError
from molvm.rewards.workers import Workers, read_workers
from molvm.runs.config_errors import explain

ValueSize = Literal["A", "B", "C", "D", "E", "F"]
PositiveFloat = Annotated[FiniteFloat, Field(gt=0)]


class Section(BaseModel):
    """A group of settings; unknown ones are refused, and none changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


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
        "qm9", description="a bundled model (`molvm models`) or the directory of one"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of the base model's matrix products; auto is bfloat16 where the processor multiplies in it"
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


class ValueObjectiveSection(Section):
    """What every algorithm has that learns a value function; `molvm.objectives.ValueObjectiveOptions`."""

    gate: bool = Field(True, description="let the network's part of V vanish at t = 0")
    baseline_window: Annotated[FiniteFloat, Field(ge=0)] = Field(
        256.0, description="samples over which V(., 0) is averaged for each number of atoms; 0 leaves it at zero"
    )
    average: Annotated[FiniteFloat, Field(ge=0, lt=1)] = Field(
        0.0, description="decay of the moving average of the network that steers; 0 steers with the last weights"
    )
    replay: Annotated[int, Field(ge=0)] = Field(
        0, description="rounds whose paths are remembered and learned from again; 0 learns from the current one alone"
    )
    replay_points: Annotated[int, Field(ge=1)] = Field(10, description="points of each path that are remembered")
    chunk: Annotated[int, Field(ge=1)] = Field(
        10, description="time points that are gathered at once to be learned from; more need more memory"
    )


class ValueMatchingSection(ValueObjectiveSection):
    """Value Matching; the options of `molvm.objectives.ValueMatchingOptions`."""

    name: Literal["value_matching"] = Field("value_matching", description="the algorithm")
    ito: bool = Field(False, description="add the Ito integral to the targets: the same mean, less variance")
    baseline_ito: bool = Field(True, description="add the Ito integral to the estimates of V(., 0)")
    terminal_weight: Annotated[FiniteFloat, Field(ge=0)] = Field(
        0.0, description="weight of the regression at t = 1, in units of the last step's"
    )
    horizon: Annotated[FiniteFloat, Field(gt=0, le=1)] = Field(
        1.0, description="how far ahead in time the network learns from itself; 1 learns from the end of the path alone"
    )


class ClassifierGuidanceSection(ValueObjectiveSection):
    """Classifier Guidance; the options of `molvm.objectives.ClassifierGuidanceOptions`."""

    name: Literal["classifier_guidance"] = Field("classifier_guidance", description="the algorithm")
    baseline_window: Annotated[FiniteFloat, Field(ge=0)] = Field(
        10_000.0,
        description="samples over which exp(-V(., 0)) is averaged for each number of atoms; 0 leaves V at zero",
    )
    form: Literal["stable", "log_scaled", "faithful"] = Field(
        "stable", description="of the loss; faithful is the paper's, which overflows or vanishes where lambda is large"
    )
    linear_above: Annotated[FiniteFloat, Field(gt=0, le=40)] = Field(
        10.0, description="log weight above which the stable form's exponential goes on as a straight line"
    )
    renoise: bool = Field(
        False, description="learn from the ends of paths, noised anew each time, instead of the paths' own points"
    )


class DdpoSection(Section):
    """DDPO; the options of `molvm.objectives.DdpoOptions`."""

    name: Literal["ddpo"] = Field("ddpo", description="the algorithm")
    clip_range: PositiveFloat = Field(1e-4, description="how far the ratio of densities may be from 1 to teach")
    advantage_clip: PositiveFloat = Field(5.0, description="largest advantage, in standard deviations of the batch")
    log_density: Literal["mean", "sum"] = Field(
        "mean", description="over the degrees of freedom; the clip range is meant for the mean"
    )


DEFAULT_OBJECTIVE: Final = "value_matching"

OBJECTIVES: Final[Mapping[str, type[Section]]] = {
    section.model_fields["name"].default: section
    for section in (ValueMatchingSection, ClassifierGuidanceSection, DdpoSection)
}
"""The settings of each algorithm by its name."""


def _objective_name(given: object) -> str:
    """Which algorithm the settings in [objective] are of: the default where they do not say."""
    if isinstance(given, Mapping):
        return str(given.get("name", DEFAULT_OBJECTIVE))
    return str(getattr(given, "name", DEFAULT_OBJECTIVE))


ObjectiveSection = Annotated[
    Annotated[ValueMatchingSection, Tag("value_matching")]
    | Annotated[ClassifierGuidanceSection, Tag("classifier_guidance")]
    | Annotated[DdpoSection, Tag("ddpo")],
    Discriminator(_objective_name),
]


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


class ValueSection(Section):
    """The value network."""

    size: ValueSize = Field("B", description="from A, the smallest, to F, the largest")
    reads: Literal["state", "endpoint"] = Field(
        "state", description="what it is given: the noisy sample, as in the paper, or what the base expects of it"
    )
    start: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="directory of a run, of the same base and reward, whose value network to start from"
    )


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


class RunConfig(Section):
    """Everything that defines a run but its directory.

    Raises:
        ConfigError: From `from_mapping`: a setting is unknown or out of range.
    """

    model: ModelSection = ModelSection()
    reward: RewardSection = RewardSection()
    objective: ObjectiveSection = ValueMatchingSection()
    sampling: SamplingSection = SamplingSection()
    value: ValueSection = ValueSection()
    constraints: ConstraintsSection = ConstraintsSection()
    training: TrainingSection = TrainingSection()
    out: Annotated[Path, Strict(strict=False)] | None = Field(None, description="the run's directory")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], source: str = "the settings") -> Self:
        """Check plain values.

        Args:
            values: Sections by name, each with its settings.
            source: Where they come from, for the message.

        Raises:
            ConfigError: A setting is unknown or out of range; the message names it, what is allowed, and the nearest
                spelling.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise explain(error, cls, source) from error
