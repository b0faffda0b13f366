"""The memory of past rollouts."""

from __future__ import annotations

import pytest
import torch

from molvm.errors import CheckpointError
from molvm.objectives.replay import Points, ReplayMemory
from molvm.states import MoleculeState, State, TensorState

PATHS, TIMES = 5, 4


def toy(number: int) -> Points:
    """A rollout whose every point carries its number, its time and its path; ahead of it is the time after."""
    k, path = (index.flatten() for index in torch.meshgrid(torch.arange(TIMES), torch.arange(PATHS), indexing="ij"))
    label = (100.0 * number + 10 * k + path)[:, None]
    times = k / TIMES
    return Points(
        TensorState(label, path % 2),
        TensorState(label + 10, path % 2),
        times,
        times + 1 / TIMES,
        label[:, 0],
        1 + times,
    )


def molecules(number: int) -> Points:
    """A rollout of molecules of several sizes, learned from its end."""
    generator = torch.Generator().manual_seed(number)
    n_atoms = torch.randint(2, 5 + number, (PATHS,), generator=generator).repeat(TIMES)
    states = MoleculeState.zeros(n_atoms, 3, 2, 4).randn_like(generator)
    times = torch.arange(TIMES).repeat_interleave(PATHS) / TIMES
    return Points(states, None, times, torch.ones_like(times), states.squared_norm(), torch.ones_like(times))


def filled(make=toy, rollouts: int = 3, per_path: int = 2, added: int = 2) -> ReplayMemory:
    memory = ReplayMemory(rollouts, per_path)
    for number in range(added):
        remember(memory, make(number))
    return memory


def remember(memory: ReplayMemory, points: Points) -> None:
    memory.add(points.select(memory.choose(len(points), PATHS)))


def drawn_from(memory: ReplayMemory, count: int) -> Points:
    return Points.cat(list(memory.draw(count, at_once=64)))


def test_what_belongs_to_a_point_stays_together() -> None:
    drawn = drawn_from(filled(), 200)
    torch.testing.assert_close(drawn.states.parts["x"][:, 0], drawn.costs)
    assert drawn.ahead is not None
    torch.testing.assert_close(drawn.ahead.parts["x"][:, 0], drawn.costs + 10)
    torch.testing.assert_close(drawn.times, drawn.costs % 100 // 10 / TIMES)
    torch.testing.assert_close(drawn.times_ahead, drawn.times + 1 / TIMES)
    torch.testing.assert_close(drawn.weights, 1 + drawn.times)
    assert torch.equal(drawn.states.condition, (drawn.costs % 10).long() % 2)


def test_so_many_of_each_rollout_and_the_oldest_are_forgotten() -> None:
    memory = filled(added=7)
    assert memory.points is not None
    kept = memory.points.costs
    assert len(kept) == len(kept.unique()) == 3 * 2 * PATHS
    assert (kept // 100).long().bincount().tolist() == [0, 0, 0, 0, 10, 10, 10]
    everything = filled(per_path=100)
    assert everything.points is not None
    assert len(everything.points) == 2 * TIMES * PATHS


def test_every_point_is_drawn_as_often() -> None:
    counts = drawn_from(filled(per_path=100), 80_000).costs.unique(return_counts=True)[1]
    assert len(counts) == 2 * TIMES * PATHS
    assert float((counts / 2000 - 1).abs().max()) < 0.12


@pytest.mark.parametrize("make", [toy, molecules])
def test_restored_it_goes_on_the_same(make) -> None:
    memory = filled(make, added=4)
    saved = {name: tensor.clone() for name, tensor in memory.state_dict().items()}
    other = ReplayMemory(3, 2)
    other.load_state_dict(saved)
    again = other.state_dict()
    assert saved.keys() == again.keys(), "a checkpoint that follows at once is whole"
    assert all(torch.equal(tensor, again[name]) for name, tensor in saved.items())
    for each in (memory, other):
        remember(each, make(4))
    first, second = drawn_from(memory, 30), drawn_from(other, 30)
    for name, part in first.states.parts.items():
        assert torch.equal(part, second.states.parts[name])
    assert torch.equal(first.costs, second.costs)
    assert first.states.condition is not None
    assert torch.equal(first.states.condition, second.states.condition)


def test_molecules_are_what_they_were() -> None:
    drawn = drawn_from(filled(molecules, per_path=100), 50)
    torch.testing.assert_close(drawn.states.squared_norm(), drawn.costs)


def test_an_empty_memory_survives_too() -> None:
    memory, other = ReplayMemory(2, 2), ReplayMemory(2, 2)
    other.load_state_dict(memory.state_dict())
    with pytest.raises(IndexError):
        drawn_from(other, 3)


@pytest.mark.parametrize("missing", ["generator", "costs", "sizes"])
def test_what_is_not_whole_is_refused(missing: str) -> None:
    saved = filled().state_dict()
    del saved[missing]
    with pytest.raises(CheckpointError, match="not whole"):
        ReplayMemory(3, 2).load_state_dict(saved)


def test_states_are_rebuilt_from_their_parts() -> None:
    for points in (toy(0), molecules(0)):
        state: State = points.states
        again = type(state).from_parts(state.parts, state.condition)
        assert torch.equal(again.squared_norm(), state.squared_norm())
