"""Simulation of the controlled SDE."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
from torch import Tensor

from molvm.errors import DivergenceError, StateError
from molvm.models.base import FlowModel
from molvm.sde.candidates import choose
from molvm.sde.control import Control, Steering, reads_endpoint
from molvm.sde.doubt import Doubt
from molvm.sde.pull import pull
from molvm.sde.recording import Recording
from molvm.sde.step import unsteered
from molvm.sde.strides import strides_of
from molvm.sde.trajectory import Trajectory
from molvm.sde.transition import Stepper, euler_maruyama
from molvm.states import State


@torch.no_grad()
def simulate(
    model: FlowModel,
    x0: State,
    grid: Tensor,
    *,
    control: Steering | None = None,
    generator: torch.Generator | None = None,
    stepper: Stepper = euler_maruyama,
    keep_states: bool = True,
    keep_noise: bool = False,
    keep_endpoints: bool = False,
    keep_increments: bool = False,
    allowance: Tensor | None = None,
    look_ahead: int = 0,
    candidates: int = 1,
    choose_every: int = 1,
    doubt: Doubt | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Trajectory:
    """Run the controlled SDE from x0 along the grid.

    All arithmetic is done in the floating-point type of x0, whatever the model returns. The noise does not depend on
    the control: with a control that is zero the samples equal the base model's bit for bit.

    Args:
        model: The base model.
        x0: B samples of noise, placed at grid[0].
        grid: Times, shape (K+1,), increasing to 1.
        control: What steers, or None for the base model alone.
        generator: Source of the noise, on the device of x0.
        stepper: How a step is made, by default Euler–Maruyama of the memoryless SDE.
        keep_states: Keep all K+1 states, not only the last.
        keep_noise: Keep the noise of each step too, for objectives that replay paths under another control.
        keep_endpoints: Keep the base model's prediction at each step too.
        keep_increments: Keep control and noise of each step in one too, from which what any other control would have
            paid on these paths can be told.
        allowance: Nats that the control of each step may cost a path at most, shape (K,), as `SamplingOptions` makes
            them; a stronger control is shortened, and where it is 0 the base runs alone. None: no limit.
        look_ahead: Sweeps by which the control of a step is found where the step leads instead of where it begins.
        candidates: Next states that the base proposes where something steers, for the value function to choose from;
            1 for steering by its gradient. Costs and Itô increments are then those of the choice.
        choose_every: Steps that each candidate takes on its own before V chooses. Of the states in between none is
            kept: the trajectory then has fewer steps than the grid.
        doubt: What is added to V in a choice where x̂₁ promises a failure.
        on_step: Called with (steps done, K).

    Raises:
        DivergenceError: A state is no longer finite.
        StateError: The grid is not increasing, there is not one allowance a step, or noise is to be kept of steps that
            are not.
    """
    if grid.ndim != 1 or len(grid) < 2 or not bool((grid[1:] > grid[:-1]).all()):
        raise StateError("A trajectory needs a time grid that increases.", allowed="the result of time_grid")
    steps, x = len(grid) - 1, x0
    if allowance is not None and allowance.shape != (steps,):
        raise StateError(f"There are allowances of shape {tuple(allowance.shape)} for {steps} steps.")
    free = torch.zeros(steps) if control is None else allowance
    strides = strides_of(grid, free, candidates=candidates, choose_every=choose_every)
    if len(strides) < steps and (keep_noise or keep_increments):
        raise StateError("Several steps lead from one choice to the next, and their noise is not kept.")
    transitions = stepper(model.schedules, grid[:-1], grid[1:]).steps()
    recording = Recording(x0, keep_states, keep_noise, keep_endpoints, keep_increments)
    known: State | None = None  # x̂₁ where the last choice has led
    for stride in strides:
        first, end = stride.first, stride.end
        transition = transitions[first]
        endpoint, gradient = known, None
        if endpoint is None:
            endpoint, gradient = _evaluate(model, control if stride.pulls else None, x, grid[first])
        mean = x.scale(transition.keep) + endpoint.scale(transition.pull)
        if stride.chooses:
            taken = choose(
                model,
                cast(Control, control),
                mean,
                transitions[first:end],
                grid[first + 1 : end + 1],
                candidates,
                allowed=stride.allowed,
                doubt=doubt,
                generator=generator,
                on_step=None if on_step is None else partial(_tell, on_step, first, steps),
            )
        elif gradient is not None:
            taken = pull(
                cast(Steering, control),
                gradient,
                mean,
                transition,
                grid[end],
                allowed=stride.allowed,
                look_ahead=look_ahead,
                generator=generator,
            )
        else:
            taken = unsteered(mean, transition, generator)
        x, known = taken.state, taken.endpoint
        _check_finite(x, end - 1, steps, float(grid[end - 1]))
        recording.add(endpoint, transition, taken)
        if on_step is not None:
            on_step(end, steps)
    return recording.trajectory(
        grid[[0, *(stride.end for stride in strides)]], tuple(transitions) if len(strides) == steps else ()
    )


def _evaluate(model: FlowModel, control: Steering | None, x: State, t: Tensor) -> tuple[State, State | None]:
    """x̂₁, and ∇V if something steers."""
    t = t.to(device=x.device, dtype=x.dtype).expand(len(x))
    if control is not None and reads_endpoint(control):
        endpoint, gradient = model.differentiate_endpoint(x, t, cast(Control, control))
        return endpoint.to(dtype=x.dtype), gradient.to(dtype=x.dtype)
    endpoint = model.predict_endpoint(x, t).to(dtype=x.dtype).project()
    return endpoint, None if control is None else control.gradient(x, t)


def _tell(on_step: Callable[[int, int], None], first: int, steps: int, done: int) -> None:
    """Of steps that are done since the first of a stride."""
    on_step(first + done, steps)


def _check_finite(x: State, k: int, steps: int, t: float) -> None:
    bad = ~x.is_finite()
    if bool(bad.any()):
        raise DivergenceError(
            f"Step {k + 1} of {steps} (from t = {t:.4f}) gave numbers that are not finite in {int(bad.sum())} of "
            f"{len(x)} samples.",
            remedy="a smaller strength or learning rate, more steps, or a gated value network",
        )
