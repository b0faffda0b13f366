"""Δv(x, t): a residual velocity around any network, for methods that train the flow as an ODE."""

from __future__ import annotations

from torch import Tensor

from molvm.states import State
from molvm.values.control import ControlNet


class VelocityControl(ControlNet):
    """What is added to the velocity of a frozen base, v = v_base + Δv, with Δv = λ s f(x, t).

    It steers as any control does, by g = −Δv/η in the place of ∇V; but Δv does not vanish at either end, where η is
    infinite or nought, so that it and not g is what the network gives.
    """

    def forward(self, x: State, t: Tensor) -> State:
        """Δv(x, t) with its graph, for times of shape (B,)."""
        field: State = self.features(x.to(dtype=self.dtype), t.to(self.dtype)).project()
        return field.scale(self.unit)

    def gradient(self, x: State, t: Tensor) -> State:
        """−Δv(x, t)/η(t), detached, in x's type, for times within (0, 1)."""
        rates = self.schedules.collect(lambda schedule: -1 / schedule.eta(t))
        return super().gradient(x, t).scale(rates)
