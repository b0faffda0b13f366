from __future__ import annotations

import torch

from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.schedules import LinearSchedule
from molvm.sde import Trajectory, euler_maruyama
from molvm.sde.recording import Recording
from molvm.sde.step import unsteered
from molvm.states import State

GRID = torch.tensor([0.0, 0.5, 1.0])


def recorded(*, keep: bool) -> Trajectory:
    """Two steps of three samples, of which all is kept or as little as can be."""
    law = GaussianMixture.of([1.0], torch.zeros(1, 2), torch.ones(1, 2))
    model = GaussianMixtureModel((law,), LinearSchedule())
    generator = torch.Generator().manual_seed(0)
    x: State = model.noise(None, 3, generator)
    recording = Recording(x, keep, keep, keep, keep)
    for transition in euler_maruyama(model.schedules, GRID[:-1], GRID[1:]).steps():
        taken = unsteered(x, transition, generator)
        recording.add(x, transition, taken)
        x = taken.state
    return recording.trajectory(GRID, ())


def test_it_keeps_what_it_is_asked_to() -> None:
    everything = recorded(keep=True)
    assert len(everything.states) == 3
    assert [len(kept) for kept in (everything.noises, everything.endpoints, everything.increments)] == [2, 2, 2]
    assert all(a is b for a, b in zip(everything.endpoints, everything.states[:-1], strict=True))


def test_else_it_keeps_the_end_and_what_the_path_has_cost() -> None:
    everything, little = recorded(keep=True), recorded(keep=False)
    assert len(little.states) == 1
    torch.testing.assert_close(little.terminal.parts["x"], everything.terminal.parts["x"], rtol=0, atol=0)
    assert [len(kept) for kept in (little.noises, little.endpoints, little.increments)] == [0, 0, 0]
    assert little.running_cost.shape == little.ito.shape == (2, 3)
