"""The settings of each algorithm. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, Discriminator, Field, FiniteFloat, Tag

from molvm.runs.config_errors import variants
from molvm.runs.section import PositiveFloat, Section


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
    trace: Annotated[FiniteFloat, Field(ge=0)] = Field(
        0.0, description="time over which targets forget the path for the network's own values on it; 0: never"
    )
    retarget: bool = Field(
        False,
        description="learn from remembered paths with the targets of the control of now; takes ito and whole horizons",
    )
    weighting: Literal["paper", "none"] = Field(
        "paper", description="of the times; none, the paper's ablation, gives all the same weight and tends to diverge"
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


class DriftSection(Section):
    """What every algorithm has that trains the drift: what holds what it learns; `molvm.runs.adaptations`."""

    trains: Literal["residual", "lora", "full"] = Field(
        "residual",
        description="a network beside the base, a low-rank adapter of the base, or a copy of all its weights",
    )
    lora_rank: Annotated[int, Field(ge=1)] = Field(4, description="of the adapter, where trains is lora")


class GradientSection(DriftSection):
    """What every algorithm has that needs the reward's gradient; `molvm.objectives.surrogate.SurrogateOptions`."""

    gradient: Literal["reward", "surrogate"] = Field(
        "reward", description="of the reward itself, or, for a black box, of a network that the run's outcomes teach"
    )
    surrogate_updates: Annotated[int, Field(ge=1)] = Field(50, description="steps of the surrogate's optimiser a round")
    surrogate_rounds: Annotated[int, Field(ge=1)] = Field(50, description="rounds that the surrogate remembers")
    surrogate_learning_rate: PositiveFloat = Field(1e-3, description="of the surrogate")


class PolicyGradientSection(DriftSection):
    """What every algorithm has that learns from ratios; `molvm.objectives.policy_gradient.PolicyGradientOptions`."""

    clip_range: PositiveFloat = Field(1e-4, description="how far the ratio of densities may be from 1 to teach")
    log_density: Literal["mean", "sum"] = Field(
        "mean", description="over the degrees of freedom; the clip range is meant for the mean"
    )


class DdpoSection(PolicyGradientSection):
    """DDPO; the options of `molvm.objectives.DdpoOptions`."""

    name: Literal["ddpo"] = Field("ddpo", description="the algorithm")
    advantage_clip: PositiveFloat = Field(5.0, description="largest advantage, in standard deviations of the batch")


class ActorCriticSection(PolicyGradientSection):
    """What those have that learn a critic besides; `molvm.objectives.actor_critic.ActorCriticOptions`."""

    baseline_window: PositiveFloat = Field(
        256.0, description="samples over which the critic's start is averaged for each number of atoms"
    )


class DpokSection(ActorCriticSection):
    """DPOK; the options of `molvm.objectives.DpokOptions`."""

    name: Literal["dpok"] = Field("dpok", description="the algorithm")


class CtPpoSection(ActorCriticSection):
    """CT-PPO; the options of `molvm.objectives.CtPpoOptions`."""

    name: Literal["ct_ppo"] = Field("ct_ppo", description="the algorithm")
    trace: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        1.0, description="how much of later steps counts in the advantage, by step; below 1 the critic is trusted"
    )


class AdjointMatchingSection(GradientSection):
    """Adjoint Matching; the options of `molvm.objectives.AdjointMatchingOptions`."""

    name: Literal["adjoint_matching"] = Field("adjoint_matching", description="the algorithm")
    adjoint: Literal["lean", "basic", "continuous", "discrete"] = Field(
        "lean", description="what controls are regressed on; all but the lean one are ablations"
    )
    reward_at: Literal["denoised", "sample"] = Field(
        "denoised", description="where the gradient of the reward is taken: without the last step's noise, or with it"
    )
    early_share: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        0.25, description="share of the steps drawn at random from those before the late ones to be learned from"
    )
    late_share: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        0.25, description="share of the steps at the end that are always learned from, one step at least"
    )
    clip_loss: PositiveFloat | None = Field(
        None, description="loss of a step in units of lambda^2 and the reward's variance that teaches nothing any more"
    )


class VggFlowSection(GradientSection):
    """VGG-Flow; the options of `molvm.objectives.VggFlowOptions`."""

    name: Literal["vgg_flow"] = Field("vgg_flow", description="the algorithm; its law is not the tilted one")
    reward_schedule: Literal["linear", "quadratic", "constant"] = Field(
        "linear", description="in time, of the reward's gradient in the value gradient"
    )
    jacobian: Literal["vjp", "jvp"] = Field(
        "vjp", description="of the base's term: transposed as derived, or by finite differences as published"
    )
    consistency_weight: Annotated[FiniteFloat, Field(ge=0)] = Field(
        1.0, description="of the residual of the value gradient's equation"
    )
    boundary_weight: Annotated[FiniteFloat, Field(ge=0)] = Field(1e3, description="of the learned part at t = 1")
    difference: Annotated[FiniteFloat, Field(gt=0, le=0.1)] = Field(
        1e-3, description="step in time of the finite differences"
    )
    clip_quantile: Annotated[FiniteFloat, Field(gt=0, le=1)] | None = Field(
        0.8, description="of the last update's reward gradients, to which longer ones are shortened; unset: none are"
    )
    early_share: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        0.25, description="share of the steps drawn at random from those before the last to be learned from"
    )


class ReflSection(GradientSection):
    """ReFL; the options of `molvm.objectives.ReflOptions`."""

    name: Literal["refl"] = Field("refl", description="the algorithm; its law is not the tilted one")
    late_share: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        0.25, description="share of the steps at the end of which one is drawn each round"
    )
    bound: FiniteFloat | None = Field(None, description="reward above which a sample teaches nothing; unset: none")
    kl_weight: Annotated[FiniteFloat, Field(ge=0)] = Field(
        0.0, description="of the control's cost beside lambda times the reward"
    )


class DraftSection(GradientSection):
    """DRaFT; the options of `molvm.objectives.DraftOptions`."""

    name: Literal["draft"] = Field("draft", description="the algorithm; its law is not the tilted one")
    last_steps: Annotated[int, Field(ge=0)] = Field(
        1, description="steps at the end that the reward is differentiated through; 0 for all"
    )
    renoised: Annotated[int, Field(ge=0)] = Field(
        0, description="noisy copies of each sample for the last step (DRaFT-LV, which takes 2); 0 for none"
    )


DEFAULT_OBJECTIVE: Final = "value_matching"


def _objective_name(given: object) -> str:
    """Which algorithm the settings in [objective] are of: the default where they do not say."""
    if isinstance(given, Mapping):
        return str(given.get("name", DEFAULT_OBJECTIVE))
    return str(getattr(given, "name", DEFAULT_OBJECTIVE))


ObjectiveSection = Annotated[
    Annotated[ValueMatchingSection, Tag("value_matching")]
    | Annotated[ClassifierGuidanceSection, Tag("classifier_guidance")]
    | Annotated[DdpoSection, Tag("ddpo")]
    | Annotated[AdjointMatchingSection, Tag("adjoint_matching")]
    | Annotated[VggFlowSection, Tag("vgg_flow")]
    | Annotated[ReflSection, Tag("refl")]
    | Annotated[DraftSection, Tag("draft")]
    | Annotated[DpokSection, Tag("dpok")]
    | Annotated[CtPpoSection, Tag("ct_ppo")],
    Discriminator(_objective_name),
]

OBJECTIVES: Final[Mapping[str, type[BaseModel]]] = variants(get_args(ObjectiveSection)[0])
"""The settings of each algorithm by its name."""
