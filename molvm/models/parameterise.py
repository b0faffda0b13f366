"""Velocity, score, noise and v-prediction from the endpoint x̂₁ = E[x₁ | x_t], and back.

All of them are linear in (x, x̂₁), for each modality r · prediction = p · x + q · x̂₁:

    endpoint      x̂ = x̂
    score         β² s = −x + α x̂
    noise         β ε = x − α x̂
    velocity      β v = β̇ x + (α̇β − αβ̇) x̂
    v-prediction  β w = α x − x̂                 (only where α² + β² = 1)

Multiplying by β instead of dividing keeps the way back to the endpoint exact at t = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from torch import Tensor

from molvm.errors import ConfigError
from molvm.schedules import Schedule, Schedules, VariancePreserving
from molvm.states import State

StateT = TypeVar("StateT", bound=State)


class Parameterisation(StrEnum):
    """What a network predicts."""

    ENDPOINT = "endpoint"
    SCORE = "score"
    NOISE = "noise"
    VELOCITY = "velocity"
    V_PREDICTION = "v_prediction"


def from_endpoint(kind: Parameterisation, x: StateT, endpoint: StateT, schedules: Schedules, t: Tensor) -> StateT:
    """The prediction of the given kind that belongs to an endpoint.

    Args:
        kind: What is wanted.
        x: The states x_t, B samples.
        endpoint: x̂₁ at those states.
        schedules: α and β of each modality.
        t: Times in (0, 1), shape (B,) or ().

    Raises:
        ConfigError: v-prediction on a schedule that does not preserve variance.
    """
    r, p, q = _relation(kind, schedules, t)
    return x.scale({name: p[name] / r[name] for name in r}) + endpoint.scale({name: q[name] / r[name] for name in r})


def to_endpoint(kind: Parameterisation, x: StateT, prediction: StateT, schedules: Schedules, t: Tensor) -> StateT:
    """The endpoint that belongs to a prediction; arguments and errors as for `from_endpoint`."""
    r, p, q = _relation(kind, schedules, t)
    return prediction.scale({name: r[name] / q[name] for name in r}) - x.scale({name: p[name] / q[name] for name in r})


_Relation = tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]


def _relation(kind: Parameterisation, schedules: Schedules, t: Tensor) -> _Relation:
    coefficients = {name: _COEFFICIENTS[kind](schedule, t) for name, schedule in schedules.by_modality.items()}
    return (
        {name: triple[0] for name, triple in coefficients.items()},
        {name: triple[1] for name, triple in coefficients.items()},
        {name: triple[2] for name, triple in coefficients.items()},
    )


_Triple = tuple[Tensor, Tensor, Tensor]


def _endpoint(schedule: Schedule, t: Tensor) -> _Triple:
    alpha = schedule.alpha(t)
    return alpha.new_ones(alpha.shape), alpha.new_zeros(alpha.shape), alpha.new_ones(alpha.shape)


def _score(schedule: Schedule, t: Tensor) -> _Triple:
    alpha, beta = schedule.alpha(t), schedule.beta(t)
    return beta**2, -alpha.new_ones(alpha.shape), alpha


def _noise(schedule: Schedule, t: Tensor) -> _Triple:
    alpha, beta = schedule.alpha(t), schedule.beta(t)
    return beta, alpha.new_ones(alpha.shape), -alpha


def _velocity(schedule: Schedule, t: Tensor) -> _Triple:
    alpha, beta, beta_dot = schedule.alpha(t), schedule.beta(t), schedule.beta_dot(t)
    return beta, beta_dot, schedule.alpha_dot(t) * beta - alpha * beta_dot


def _v_prediction(schedule: Schedule, t: Tensor) -> _Triple:
    if not isinstance(schedule, VariancePreserving):
        raise ConfigError(
            f"v-prediction needs α² + β² = 1, which {schedule} does not keep.",
            allowed="a variance-preserving schedule",
            remedy="the velocity parameterisation",
        )
    alpha = schedule.alpha(t)
    return schedule.beta(t), alpha, -alpha.new_ones(alpha.shape)


_COEFFICIENTS: dict[Parameterisation, Callable[[Schedule, Tensor], _Triple]] = {
    Parameterisation.ENDPOINT: _endpoint,
    Parameterisation.SCORE: _score,
    Parameterisation.NOISE: _noise,
    Parameterisation.VELOCITY: _velocity,
    Parameterisation.V_PREDICTION: _v_prediction,
}
