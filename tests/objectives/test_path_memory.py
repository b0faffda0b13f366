"""The memory of whole paths, and what another control would have paid on them."""

from __future__ import annotations

import pytest
import torch

from molvm.errors import CheckpointError, ConfigError
from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.objectives import Rollout, ValueMatching, ValueMatchingOptions
from molvm.objectives.path_memory import PathMemory, RememberedPaths
from molvm.objectives.replay import Points
from molvm.schedules import LinearSchedule
from molvm.sde import simulate, time_grid
from molvm.states import TensorState
from molvm.values.points import PointValue, PointValueConfig

MIXTURE = GaussianMixtureModel((GaussianMixture.of([0.5, 0.5], [[-1.0], [1.5]], [[0.3], [0.2]]),), LinearSchedule())
REWARD = QuadraticReward((1.0,), curvature=0.5)
STRENGTH, STEPS, PATHS = 1.5, 20, 8


def optimal(gain: float = 1.0) -> ExactValue:
    return ExactValue(MIXTURE, REWARD, STRENGTH, gain)


def rollout(control: ExactValue | None, steps: int = STEPS, count: int = PATHS, seed: int = 0) -> Rollout:
    generator = torch.Generator().manual_seed(seed)
    start = MIXTURE.noise(None, count, generator)
    grid = time_grid(MIXTURE.schedules, steps)
    path = simulate(MIXTURE, start, grid, control=control, generator=generator, keep_increments=True)
    return Rollout(path, REWARD(path.terminal.parts["x"]), STRENGTH)


def remembered(batch: Rollout) -> RememberedPaths:
    return RememberedPaths.of(batch.trajectory, batch.strength * batch.rewards, torch.ones(batch.trajectory.steps))


def test_on_its_own_paths_a_control_has_its_own_targets() -> None:
    control = optimal(0.6)
    batch = rollout(control)
    path = batch.trajectory
    expected = path.cost_to_go() + path.ito_to_go() - batch.strength * batch.rewards
    found = remembered(batch).judged_by(control).points.costs.reshape(STEPS, PATHS)
    torch.testing.assert_close(found, expected[:-1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("behaviour", [None, optimal(-1.0), optimal(2.0)], ids=["base", "against", "twice"])
def test_on_any_path_the_optimal_control_has_the_value_function_as_its_targets(behaviour: ExactValue | None) -> None:
    """The spread about V is that of the discretisation, of order √dt, where plain targets have some nats."""
    errors = []
    for steps in (100, 400):
        batch = rollout(behaviour, steps, 200)
        points = remembered(batch).judged_by(optimal()).points
        errors.append(float((points.costs - optimal()(points.states, points.times)).square().mean().sqrt()))
    assert errors[0] < 0.12
    assert errors[1] < 0.62 * errors[0]


def test_a_shortened_control_is_remembered_as_it_was() -> None:
    generator = torch.Generator().manual_seed(0)
    grid = time_grid(MIXTURE.schedules, STEPS)
    path = simulate(
        MIXTURE,
        MIXTURE.noise(None, PATHS, generator),
        grid,
        control=optimal(),
        generator=generator,
        keep_noise=True,
        keep_increments=True,
        allowance=torch.full((STEPS,), 1e-4),
    )
    for noise, increment, cost in zip(path.noises, path.increments, path.running_cost, strict=True):
        torch.testing.assert_close((increment - noise).squared_norm() / 2, cost)


def numbered(number: int) -> RememberedPaths:
    """A rollout whose every point carries its number."""
    batch = rollout(None, steps=3, count=4, seed=number)
    paths = remembered(batch)
    label = torch.full((12, 1), float(number), dtype=torch.float64)
    points = Points(
        TensorState(label),
        None,
        *(getattr(paths.points, name) for name in ("times", "times_ahead")),
        paths.points.costs,
        paths.points.weights,
    )
    return RememberedPaths(points, paths.increments, paths.leverage, paths.rewards)


def drawn(memory: PathMemory, count: int = 4000) -> torch.Tensor:
    return Points.cat(list(memory.draw(count, at_once=100))).states.parts["x"][:, 0].long().bincount(minlength=5)


def test_half_is_drawn_from_the_newest_rollout_and_the_oldest_is_forgotten() -> None:
    memory = PathMemory(4)
    memory.add(numbered(0), optimal())
    assert drawn(memory).tolist() == [4000, 0, 0, 0, 0]
    for number in range(1, 5):
        memory.add(numbered(number), optimal())
    counts = drawn(memory)
    assert counts[0] == 0
    assert counts[4] == 2000
    assert bool(((counts[1:4] - 667).abs() < 100).all())


def test_old_paths_are_judged_by_the_control_of_now() -> None:
    memory = PathMemory(3)
    memory.add(remembered(rollout(None)), optimal(0.0))
    before = memory.paths[0].points.costs
    memory.add(remembered(rollout(None, seed=1)), optimal(1.0))
    torch.testing.assert_close(before, -remembered(rollout(None)).rewards.repeat(STEPS))
    torch.testing.assert_close(
        memory.paths[0].points.costs, remembered(rollout(None)).judged_by(optimal(1.0)).points.costs
    )


def test_a_restored_memory_draws_the_same() -> None:
    memory, restored = PathMemory(2), PathMemory(2)
    for number in range(2):
        memory.add(numbered(number), optimal())
    list(memory.draw(7, at_once=7))
    restored.load_state_dict(memory.state_dict())
    assert restored.state_dict().keys() == memory.state_dict().keys()
    for each in (memory, restored):
        each.add(numbered(2), optimal())
    for mine, other in zip(memory.draw(50, at_once=8), restored.draw(50, at_once=8), strict=True):
        torch.testing.assert_close(mine.costs, other.costs, rtol=0, atol=0)
        assert torch.equal(mine.states.parts["x"], other.states.parts["x"])


def test_a_memory_that_is_not_whole_is_refused() -> None:
    memory = PathMemory(2)
    memory.add(numbered(0), optimal())
    state = memory.state_dict()
    for missing in ("generator", "0.rewards"):
        with pytest.raises(CheckpointError, match="not whole"):
            PathMemory(2).load_state_dict({name: each for name, each in state.items() if name != missing})
    without = {name: each for name, each in state.items() if not name.startswith("0.states")}
    broken = PathMemory(2)
    broken.load_state_dict(without)
    with pytest.raises(CheckpointError, match="has no states"):
        broken.add(numbered(1), optimal())
    with pytest.raises(IndexError, match="empty"):
        next(PathMemory(1).draw(1, at_once=1))


@pytest.mark.parametrize("other", [{"replay": 0}, {"ito": False}, {"horizon": 0.5}, {"terminal_weight": 1.0}], ids=str)
def test_what_does_not_go_with_it_is_refused(other: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="retarget is true"):
        ValueMatchingOptions(**{"retarget": True, "ito": True, "replay": 4, **other})


def test_a_trainer_must_keep_increments() -> None:
    options = ValueMatchingOptions(retarget=True, ito=True, replay=4)
    learner = ValueMatching.build(
        PointValue(1, PointValueConfig(width=8, depth=1)), MIXTURE.schedules, STRENGTH, options=options
    )
    assert learner.keeps_increments
    assert not ValueMatching.build(PointValue(1), MIXTURE.schedules, STRENGTH).keeps_increments
    generator = torch.Generator().manual_seed(0)
    path = simulate(MIXTURE, MIXTURE.noise(None, 4, generator), time_grid(MIXTURE.schedules, 5), generator=generator)
    with pytest.raises(ConfigError, match="needs the increments"):
        learner.observe(Rollout(path, REWARD(path.terminal.parts["x"]), STRENGTH))
