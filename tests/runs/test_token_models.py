"""Models over tokens in the verbs: sampled and scored, and refused where something would have to steer them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import molvm
from molvm.errors import ConfigError, ModelError
from molvm.models.flowmol.ctmc.config import CtmcConfig
from molvm.models.flowmol.ctmc.model import CtmcModel
from molvm.models.flowmol.ctmc.network import CtmcNetwork
from molvm.models.flowmol.ctmc.options import ChainOptions
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.hub import save_model
from molvm.runs.pretraining import run_pretraining
from molvm.runs.sampling import draw_samples
from molvm.sde import SamplingOptions
from molvm.states import State
from tests.runs.tiny import TINY


@pytest.fixture(scope="module")
def model() -> CtmcModel:
    """A thousand random weights; molecules of 3 to 5 atoms, fake ones among them."""
    shape = {**TINY.to_dict(), "schedule_exponents": None, "fake_atoms": True, "self_conditioning": True}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CtmcNetwork(CtmcConfig.from_dict(shape))
    return CtmcModel(network, SizeHistogram((3, 4, 5), (1, 2, 1)), "tokens", ChainOptions(steps=6))


class Nothing:
    """A control that does nothing; that there is one is too much already."""

    def gradient(self, x: State, t: torch.Tensor) -> State:
        return x.scale(0.0)


def test_it_is_sampled_by_the_verb(model: CtmcModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "tokens")
    drawn = molvm.sample(tmp_path / "tokens", 5, seed=3)
    assert [molecule.id for molecule in drawn] == [f"tokens-{number}" for number in range(1, 6)]
    assert not drawn.path_cost.any()
    assert drawn.path_cost.dtype == np.float64
    again = molvm.sample(model, 5, seed=3)
    for first, second in zip(drawn, again, strict=True):
        assert first.elements.tolist() == second.elements.tolist()
        np.testing.assert_allclose(first.positions, second.positions, atol=0.3)
    other = molvm.sample(model, 5, seed=4)
    assert any(a.positions.tolist() != b.positions.tolist() for a, b in zip(again, other, strict=True))


def test_options_are_reached_from_python(model: CtmcModel) -> None:
    counted: list[tuple[int, int]] = []
    draw_samples(model.with_options(steps=3), 4, batch_size=2, progress=lambda done, all_: counted.append((done, all_)))
    assert counted[-1] == (12, 12)
    assert len(counted) == 6
    plain, changed = (
        [m.elements.tolist() for m in molvm.sample(each, 20)]
        for each in (model, model.with_options(temperature=5.0, eta=0.0, hc_thresh=0.0, sampler="gat"))
    )
    assert plain != changed


def test_the_order_is_that_of_the_draw(model: CtmcModel) -> None:
    """Sizes are drawn first and sorted into batches; what comes back is in the order of the draw."""
    sizes = model.sample_condition(12, torch.Generator().manual_seed(0)).tolist()
    without_fakes = [len(molecule.elements) for molecule in draw_samples(model, 12, batch_size=5)]
    assert all(found <= size for found, size in zip(without_fakes, sizes, strict=True))


def test_nothing_is_trained_on_it_and_nothing_written(model: CtmcModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "tokens")
    for given in (model, tmp_path / "tokens", str(tmp_path / "tokens")):
        with pytest.raises(ModelError, match="does not steer it yet"):
            molvm.train(given, "qed", out=tmp_path / "run")  # type: ignore[arg-type]
        assert not (tmp_path / "run").exists()


def test_nothing_steers_it(model: CtmcModel) -> None:
    with pytest.raises(ModelError, match="does not steer it yet"):
        draw_samples(model, 2, control=Nothing())


def test_it_takes_no_steps_of_the_sde(model: CtmcModel) -> None:
    with pytest.raises(ModelError, match="process of its own"):
        draw_samples(model, 2, sampling=SamplingOptions(transition="analytic_variance"))
    with pytest.raises(ModelError, match="noise level"):
        molvm.sample(model, 2, noise_level=0.0)


def test_no_pretraining_starts_from_it(model: CtmcModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(model, tmp_path / "tokens")
    monkeypatch.setattr("molvm.runs.pretraining.load_dataset", lambda name: None)
    with pytest.raises(ModelError, match="tokens for its classes"):
        run_pretraining("qm9", tmp_path / "run", start=str(tmp_path / "tokens"))
    assert not (tmp_path / "run").exists()


def test_numbers_out_of_range(model: CtmcModel) -> None:
    with pytest.raises(ConfigError, match="steps"):
        molvm.sample(model, 2, steps=0)
    with pytest.raises(ConfigError, match="samples"):
        molvm.sample(model, 0)
