"""The control that is the difference of two networks: the base's, and the same with other weights."""

from __future__ import annotations

from torch import Tensor

from molvm.models.adaptation import Adaptation
from molvm.schedules import Schedule
from molvm.states import State
from molvm.values.control import ControlNet
from molvm.values.velocity_control import VelocityControl


class AdaptedControl(ControlNet):
    """g = −(α/β²) Δx̂₁ = s_base − s_adapted: steering by it is sampling the adapted model, at any σ.

    With s* = s − ∇V the adapted score, this is what stands in the place of ∇V. It vanishes at t = 0 like α, by itself.
    The strength and the rewards' spread set no scale of it; losses are still counted in them.

    Args:
        features: The adapted weights.
        schedules: Of the modalities.
        strength: λ.

    Raises:
        ConfigError: λ is not positive and finite.
    """

    features: Adaptation

    def forward(self, x: State, t: Tensor) -> State:
        """g(x, t) with its graph, for times of shape (B,) before 1."""
        return _moved(self, x, t).scale(
            self.schedules.collect(lambda each: -each.alpha(t.to(self.dtype)) / each.beta(t.to(self.dtype)) ** 2)
        )


class AdaptedVelocity(VelocityControl):
    """Δv = (α̇ − αβ̇/β) Δx̂₁ = v_adapted − v_base, for methods that train the flow as an ODE; arguments as above."""

    features: Adaptation

    def forward(self, x: State, t: Tensor) -> State:
        """Δv(x, t) with its graph, for times of shape (B,) before 1."""

        def rate(schedule: Schedule) -> Tensor:
            time = t.to(self.dtype)
            return schedule.alpha_dot(time) - schedule.alpha(time) * schedule.beta_dot(time) / schedule.beta(time)

        return _moved(self, x, t).scale(self.schedules.collect(rate))


def _moved(control: ControlNet, x: State, t: Tensor) -> State:
    moved: State = control.features(x.to(dtype=control.dtype), t.to(control.dtype)).project()
    return moved
