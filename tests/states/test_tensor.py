from __future__ import annotations

import pytest
import torch

from molvm.errors import StateError
from molvm.states import MoleculeState, TensorState


def points(count: int, *shape: int, classes: torch.Tensor | None = None, seed: int = 0) -> TensorState:
    generator = torch.Generator().manual_seed(seed)
    return TensorState(torch.randn(count, *shape, generator=generator, dtype=torch.float64), classes)


def test_inner_product_is_the_euclidean_one_per_sample() -> None:
    a, b = points(3, 2, 4), points(3, 2, 4, seed=1)
    expected = torch.tensor([float(torch.dot(x.flatten(), y.flatten())) for x, y in zip(a.x, b.x, strict=True)])
    torch.testing.assert_close(a.inner(b), expected.double())
    torch.testing.assert_close(a.squared_norm(), a.x.flatten(1).square().sum(1))


def test_noise_has_unit_variance_and_the_stated_dimension() -> None:
    state = TensorState(torch.zeros(4000, 5, dtype=torch.float64))
    noise = state.randn_like(torch.Generator().manual_seed(3))
    assert state.degrees_of_freedom()["x"].tolist() == [5] * 4000
    # |ξ|² has mean d and variance 2d.
    assert abs(float(noise.squared_norm().mean()) - 5) < 3 * (2 * 5 / 4000) ** 0.5


def test_arithmetic_per_sample_and_per_modality() -> None:
    a, b = points(3, 2), points(3, 2, seed=1)
    factors = torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close((a + b - b).x, a.x)
    torch.testing.assert_close(a.scale(factors).x, a.x * factors[:, None])
    torch.testing.assert_close(a.scale({"x": factors}).x, a.x * factors[:, None])
    torch.testing.assert_close(a.scale(2.0).x, a.x * 2)


def test_select_and_cat_carry_the_classes() -> None:
    state = points(4, 2, classes=torch.tensor([3, 1, 2, 0]))
    assert state.select(torch.tensor([2, 0])).classes.tolist() == [2, 3]
    joined = TensorState.cat([state.select(slice(0, 1)), state.select(slice(1, 4))])
    assert torch.equal(joined.x, state.x)
    assert torch.equal(joined.classes, state.classes)
    assert state.to(device="cpu", dtype=torch.float32).x.dtype == torch.float32


def test_a_bad_number_is_found_in_its_sample() -> None:
    state = points(3, 2)
    state.x[1, 0] = float("inf")
    assert state.is_finite().tolist() == [True, False, True]


def test_states_of_two_kinds_do_not_add() -> None:
    molecule = MoleculeState.zeros(torch.tensor([2]), 1, 1, 1)
    with pytest.raises(StateError, match="Cannot combine"):
        _ = points(1, 2) + molecule
