"""Numbers of atoms at sampling time."""

from __future__ import annotations

import pytest
import torch

from molvm.errors import ConfigError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.runs.sizes import sizes_to_draw
from molvm.schedules import LinearSchedule
from molvm.values.base import ValueNet
from tests.runs.tiny import tiny_model


def test_nothing_asked_is_nothing_changed() -> None:
    assert sizes_to_draw(tiny_model(), None, None, tilt_size=False) is None


def test_one_size_may_be_a_number() -> None:
    model = tiny_model()
    size = next(iter(model.conditions))
    sizes = sizes_to_draw(model, int(size), None, tilt_size=False)
    assert sizes is not None
    assert list(sizes.sizes) == [size]


def test_tilted_sizes_are_p_times_z() -> None:
    model = tiny_model()
    first, second = list(model.conditions)[:2]
    value = ValueNet(torch.nn.Identity(), model.schedules, 2.0, conditions=model.conditions)
    seen = torch.tensor([first] * 5000 + [second] * 5000)
    value.update_baseline(seen, torch.where(seen == first, -1.0, 1.0), window=1e6)
    sizes = sizes_to_draw(model, f"{first}:1,{second}:1", value, tilt_size=True)
    assert sizes is not None
    # Z = e^(−V₀), so the ratio is e².
    assert sizes.counts[0] / sizes.counts[1] == pytest.approx(torch.e**2, rel=1e-2)
    everything = sizes_to_draw(model, None, value, tilt_size=True)
    assert everything is not None
    assert everything.sizes == tuple(model.conditions)


def test_a_base_model_has_nothing_to_tilt_by() -> None:
    with pytest.raises(ConfigError, match="tilt sizes"):
        sizes_to_draw(tiny_model(), None, None, tilt_size=True)


def test_a_model_without_sizes_has_none_to_choose() -> None:
    toy = GaussianMixtureModel((GaussianMixture.of([1.0], [[0.0]], [[1.0]]),), LinearSchedule())
    with pytest.raises(ConfigError, match="no numbers of atoms"):
        sizes_to_draw(toy, "5", None, tilt_size=False)
