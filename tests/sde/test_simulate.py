from __future__ import annotations

from functools import partial

import pytest
import torch

from molvm.errors import DivergenceError, StateError
from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.sde import SamplingOptions, euler_maruyama, simulate, time_grid
from molvm.states import State, TensorState

MODEL = GaussianMixtureModel((GaussianMixture.of([1.0], [[1.0, 0.0]], [[0.49, 0.2]]),), LinearSchedule())
GRID = time_grid(MODEL.schedules, 20)
VALUE = ExactValue(MODEL, QuadraticReward((0.5, -0.5)), 1.0)


def start(count: int = 6) -> TensorState:
    return MODEL.noise(None, count, torch.Generator().manual_seed(0))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


class Constant:
    """A control that does not depend on the state."""

    def __init__(self, value: float) -> None:
        self.value = value

    def gradient(self, x: State, t: torch.Tensor) -> State:
        return x.map(lambda part: torch.full_like(part, self.value))


def test_trajectory_keeps_states_and_their_bookkeeping() -> None:
    seen: list[tuple[int, int]] = []
    path = simulate(
        MODEL, start(), GRID, control=VALUE, generator=generator(), keep_noise=True, on_step=lambda *a: seen.append(a)
    )
    assert path.steps == 20
    assert len(path.states) == 21
    assert len(path.noises) == 20
    assert torch.equal(path.states[0].x, start().x)
    assert seen == [(k + 1, 20) for k in range(20)]
    torch.testing.assert_close(path.cost_to_go()[0], path.path_cost)
    assert path.cost_to_go()[-1].tolist() == [0.0] * 6
    torch.testing.assert_close(path.cost_to_go()[7], path.running_cost[7:].sum(0))
    torch.testing.assert_close(path.ito_to_go()[7], path.ito[7:].sum(0))
    rewards = torch.arange(6.0, dtype=torch.float64)
    torch.testing.assert_close(path.log_weight(2.0, rewards), 2 * rewards - path.path_cost - path.ito.sum(0))


def test_a_path_can_be_rebuilt_from_its_noise() -> None:
    path = simulate(MODEL, start(), GRID, control=VALUE, generator=generator(), keep_noise=True)
    k = 9
    step = euler_maruyama(MODEL.schedules, GRID[k], GRID[k + 1])
    t = GRID[k].expand(6)
    x, noise = path.states[k], path.noises[k]
    gradient = VALUE.gradient(x, t)
    endpoint = MODEL.predict_endpoint(x, t)
    moved = x.scale(step.keep) + endpoint.scale(step.pull) + noise.scale(step.noise) - gradient.scale(step.shift)
    torch.testing.assert_close(path.states[k + 1].x, moved.x)
    control = gradient.x * -float(step.shift["x"]) / float(step.noise["x"])
    torch.testing.assert_close(path.running_cost[k], control.square().sum(1) / 2)
    torch.testing.assert_close(path.ito[k], (control * noise.x).sum(1))


def test_only_the_end_can_be_kept() -> None:
    full = simulate(MODEL, start(), GRID, generator=generator())
    short = simulate(MODEL, start(), GRID, generator=generator(), keep_states=False)
    assert len(short.states) == 1
    assert torch.equal(short.terminal.x, full.terminal.x)


def test_arithmetic_keeps_the_precision_of_the_start() -> None:
    path = simulate(MODEL, start().to(dtype=torch.float32), GRID, control=VALUE, generator=generator())
    assert path.terminal.dtype == torch.float32
    assert path.running_cost.dtype == torch.float32


def test_steering_without_noise_has_no_finite_cost() -> None:
    still = partial(euler_maruyama, noise_level=0.0)
    steered = simulate(MODEL, start(), GRID, control=VALUE, stepper=still)
    assert bool(torch.isinf(steered.path_cost).all())
    free = simulate(MODEL, start(), GRID, control=Constant(0.0), stepper=still)
    assert free.path_cost.tolist() == [0.0] * 6


def test_a_control_that_costs_too_much_is_shortened_and_no_more() -> None:
    allowance = SamplingOptions(steps=20, steer_from=0.3, steer_until=0.9, kl_limit=0.2).allowance(GRID)
    value = ExactValue(MODEL, QuadraticReward((2.0, -2.0), curvature=4.0), 1.0)
    path = simulate(MODEL, start(500), GRID, control=value, generator=generator(), allowance=allowance)
    assert bool((path.running_cost[allowance == 0] == 0).all())
    first = int((allowance > 0).nonzero()[0])
    step = euler_maruyama(MODEL.schedules, GRID[first], GRID[first + 1])
    x, t = path.states[first], GRID[first].expand(500)
    noise = simulate(MODEL, start(500), GRID, generator=generator(), keep_noise=True).noises[first]
    wanted = value.gradient(x, t).scale(step.shift).x
    unsteered = x.scale(step.keep).x + MODEL.predict_endpoint(x, t).scale(step.pull).x + noise.scale(step.noise).x
    cost = (wanted / step.noise["x"]).square().sum(1) / 2
    assert 0 < int((cost > allowance[first]).sum()) < 500
    share = (allowance[first] / cost).clamp(max=1).sqrt()
    torch.testing.assert_close(unsteered - path.states[first + 1].x, share[:, None] * wanted)
    torch.testing.assert_close(path.running_cost[first], share**2 * cost)
    torch.testing.assert_close(path.ito[first], -share * (wanted * noise.x).sum(1) / step.noise["x"])


def test_the_weights_of_shortened_paths_are_exact() -> None:
    """E[dP/dP^u] = 1, whatever the control."""
    allowance = SamplingOptions(steps=20, kl_limit=0.4).allowance(GRID)
    path = simulate(MODEL, start(20_000), GRID, control=VALUE, generator=generator(), allowance=allowance)
    ratio = path.log_weight(0.0, torch.zeros(20_000, dtype=torch.float64)).exp()
    assert abs(float(ratio.mean()) - 1) < 3 * float(ratio.std()) / 20_000**0.5


def test_an_allowance_that_does_not_fit_the_grid_is_refused() -> None:
    with pytest.raises(StateError, match=r"allowances of shape \(3,\) for 20 steps"):
        simulate(MODEL, start(), GRID, allowance=torch.ones(3))


def test_divergence_names_the_step_and_the_remedy() -> None:
    with pytest.raises(DivergenceError, match=r"Step 1 of 20 .* 6 of 6 samples.*Try: a smaller strength"):
        simulate(MODEL, start(), GRID, control=Constant(float("nan")))


def test_a_grid_that_does_not_increase_is_refused() -> None:
    with pytest.raises(StateError, match="increases"):
        simulate(MODEL, start(), torch.tensor([0.1, 0.1, 1.0]))
