"""Portions of a batch on several threads: a partition, in order, whatever the number of threads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from molvm.states import MoleculeState, State, TensorState, in_lanes, pairs_in_lanes, rows_in_lanes

SIZES = torch.tensor([5, 2, 9, 5, 3, 9, 2, 7, 4])


def molecules(slots: int = 9) -> MoleculeState:
    zeros = MoleculeState.zeros(SIZES, n_types=3, n_charges=2, n_bonds=4, dtype=torch.float64)
    return zeros.randn_like(torch.Generator().manual_seed(0)).pad(slots)


def points() -> TensorState:
    generator = torch.Generator().manual_seed(0)
    return TensorState(torch.randn(9, 4, generator=generator, dtype=torch.float64), torch.arange(9))


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("x", [molecules(), points()], ids=["molecules", "points"])
@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_portions_hold_every_sample_once(x: State, size: int) -> None:
    portions = x.portions(size)
    assert sorted(torch.cat(portions).tolist()) == list(range(9))
    assert len(portions) <= -(-9 // size)


def test_portions_of_molecules_are_of_like_size_and_cost() -> None:
    sizes = torch.randint(3, 30, (64,), generator=torch.Generator().manual_seed(1))
    portions = MoleculeState.zeros(sizes, 1, 1, 1).portions(16)
    pairs = [float(sizes[portion].square().sum()) for portion in portions]
    assert len(portions) == 4
    assert max(pairs) - min(pairs) <= 2 * 29**2
    assert all(sizes[a].max() <= sizes[b].min() for a, b in itertools.pairwise(portions))


def test_a_portion_of_large_molecules_has_fewer_of_them() -> None:
    """16 molecules of 18 atoms have 5184 pairs; so have 2.7 of 44 atoms."""
    sizes = torch.full((16,), 44)
    portions = MoleculeState.zeros(sizes, 1, 1, 1).portions(16)
    assert len(portions) == 6
    assert {len(portion) for portion in portions} == {2, 3}
    assert len(MoleculeState.zeros(torch.tensor([200, 200]), 1, 1, 1).portions(1)) == 2


@pytest.mark.parametrize("x", [molecules(), molecules(slots=12), points()], ids=["molecules", "padded", "points"])
def test_samples_come_back_in_order(x: State, threads: int) -> None:
    times = torch.arange(9.0, dtype=torch.float64)
    result = in_lanes(lambda part, t: part.scale(t), x, times, 2)
    for name, part in x.scale(times).parts.items():
        assert torch.equal(result.parts[name], part)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("x", [molecules(), points()], ids=["molecules", "points"])
def test_what_lies_beside_is_cut_alike(x: State, threads: int) -> None:
    times = torch.arange(9.0, dtype=torch.float64)
    result = in_lanes(lambda part, t, other, nothing: part + other.scale(t), x, times, 2, x.scale(3.0), None)
    for name, part in (x + x.scale(3.0).scale(times)).parts.items():
        assert torch.equal(result.parts[name], part)


def test_both_results_come_back_in_order(threads: int) -> None:
    x, times = molecules(), torch.arange(9.0, dtype=torch.float64)
    same, scaled = pairs_in_lanes(lambda part, t: (part, part.scale(t)), x, times, 2)
    for name, part in x.parts.items():
        assert torch.equal(same.parts[name], part)
        assert torch.equal(scaled.parts[name], x.scale(times).parts[name])
    assert torch.get_num_threads() == threads


def test_rows_come_back_in_the_order_of_the_batch() -> None:
    sizes = torch.tensor([7, 3, 5, 3, 9, 2])
    x = MoleculeState.zeros(sizes, 2, 2, 2)
    times = torch.arange(6.0)
    rows = {
        size: rows_in_lanes(lambda part, t: torch.stack([t, part.n_atoms], 1), x, times, size) for size in (None, 2)
    }
    for found in rows.values():
        assert torch.equal(found, torch.stack([times, sizes], 1))


def test_a_portion_has_one_core(threads: int) -> None:
    seen: list[int] = []

    def record(part: TensorState, t: Tensor) -> TensorState:
        seen.append(torch.get_num_threads())
        return part

    in_lanes(record, points(), torch.zeros(9), 3)
    assert seen == [1, 1, 1]


def test_an_error_comes_through_and_leaves_the_threads_alone(threads: int) -> None:
    def fail(part: TensorState, t: Tensor) -> TensorState:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_lanes(fail, points(), torch.zeros(9), 3)
    assert torch.get_num_threads() == threads
