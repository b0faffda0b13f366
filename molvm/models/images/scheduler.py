"""What a scheduler's settings say of the process that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch

from molvm.errors import ModelError
from molvm.models.parameterise import Parameterisation
from molvm.schedules import ShiftedSchedule, TrainedSchedule

PREDICTIONS: Final[Mapping[str, Parameterisation]] = {
    "epsilon": Parameterisation.NOISE,
    "v_prediction": Parameterisation.V_PREDICTION,
    "sample": Parameterisation.ENDPOINT,
}

SMALLEST_SIGNAL: Final = 2.0**-24
"""The most that ᾱ is where the schedule says 0 (zero terminal signal), as diffusers' Euler schedulers take it."""


def trained_schedule(scheduler: Any) -> TrainedSchedule:
    """The schedule of a model of noise at discrete times.

    Args:
        scheduler: One of diffusers' with `alphas_cumprod`, ᾱ_k = α_k².

    Raises:
        ModelError: It has none.
    """
    squared = getattr(scheduler, "alphas_cumprod", None)
    if squared is None:
        raise ModelError(
            f"The scheduler {type(scheduler).__name__} is none of a diffusion model.",
            allowed="a scheduler with alphas_cumprod, as DDIMScheduler",
        )
    squared = squared.double().flip(0)
    # Rescaled to end in no signal, a schedule may have less than that a step earlier; signals have to grow with time.
    smallest = min(SMALLEST_SIGNAL, float(squared[squared > 0].min()) / 2)
    exponents = -torch.log(squared.clamp(min=smallest)) / 2
    return TrainedSchedule((*exponents.tolist(), 0.0))


def parameterisation_of(scheduler: Any) -> Parameterisation:
    """What the model predicts.

    Raises:
        ModelError: Something that is not known here.
    """
    predicts = scheduler.config.get("prediction_type", "epsilon")
    if predicts not in PREDICTIONS:
        raise ModelError(f"The model predicts {predicts!r}.", allowed=", ".join(PREDICTIONS))
    return PREDICTIONS[predicts]


def shifted_schedule(scheduler: Any) -> ShiftedSchedule:
    """The schedule of a rectified flow.

    Raises:
        ModelError: It is shifted by the size of the image.
    """
    if scheduler.config.get("use_dynamic_shifting", False):
        raise ModelError("The model's noise is shifted by the size of the image.", allowed="a constant shift, as SD3's")
    return ShiftedSchedule(float(scheduler.config.get("shift", 1.0)))
