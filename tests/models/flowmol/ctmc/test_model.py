"""A model over tokens as a base model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molvm.errors import ConfigError, ModelError
from molvm.models.base import BaseModel, FlowModel, OwnProcess, require_steerable
from molvm.models.flowmol.ctmc.model import CtmcModel
from molvm.models.flowmol.ctmc.tokens import TOKENS, Places
from molvm.models.hub import load_model, save_model
from tests.models.flowmol.upstream import largest_difference


def test_it_is_sampled_and_not_steered(model: CtmcModel) -> None:
    assert isinstance(model, BaseModel)
    assert isinstance(model, OwnProcess)
    assert not isinstance(model, FlowModel)
    with pytest.raises(ModelError, match="does not steer it yet") as caught:
        require_steerable(model)
    assert "`molvm sample` draws" in str(caught.value)


def test_noise_is_centred_and_masked(model: CtmcModel) -> None:
    x = model.noise(torch.tensor([3, 7]), 2, torch.Generator().manual_seed(0))
    assert float(x.positions.sum(dim=1).abs().max()) <= 1e-5
    assert not bool(x.positions[~x.mask].any())
    for name in TOKENS:
        tokens = Places.of(x, name).take(x.parts[name])
        assert bool((tokens[:, -1] == 1).all())
        assert bool((tokens.sum(dim=-1) == 1).all())


def test_the_noise_of_positions_is_standard_normal(model: CtmcModel) -> None:
    x = model.noise(torch.full((4000,), 3), 4000, torch.Generator().manual_seed(0))
    freedom = 3 * (3 - 1)
    assert float(x.positions.square().sum(dim=(1, 2)).mean()) == pytest.approx(
        freedom, abs=4 * (2 * freedom / 4000) ** 0.5
    )


def test_options_are_those_of_the_model_unless_asked(model: CtmcModel) -> None:
    steps: list[tuple[int, int]] = []
    model.generate(torch.tensor([3]), 1, on_step=lambda done, all_: steps.append((done, all_)))
    assert steps[-1] == (12, 12)
    steps.clear()
    model.generate(torch.tensor([3]), 1, steps=2, on_step=lambda done, all_: steps.append((done, all_)))
    assert steps == [(1, 2), (2, 2)]
    changed = model.with_options(sampler="gat", eta=1.0)
    assert (changed.options.sampler, changed.options.eta, changed.options.steps) == ("gat", 1.0, 12)
    assert model.options.sampler == "campbell"
    with pytest.raises(ConfigError):
        model.with_options(eta=-1.0)


def test_options_change_what_is_drawn(model: CtmcModel) -> None:
    def drawn(**options: object) -> object:
        chosen = model.with_options(**{"temperature": 0.2, "eta": 5.0, **options})
        return chosen.generate(torch.tensor([5, 7]), 2, torch.Generator().manual_seed(0))

    plain = drawn()
    for changes in ({"sampler": "gat"}, {"eta": 0.0}, {"hc_thresh": 0.5}, {"temperature": 3.0}):
        assert largest_difference(drawn(**changes), plain) > 0  # type: ignore[arg-type]


def test_portions_are_computed_as_the_whole(model: CtmcModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier predictions are cut like the molecules they are of."""
    model.network.double()
    x = model.noise(torch.tensor([3, 7, 5, 4]), 4, torch.Generator().manual_seed(0))
    t = torch.tensor([0.1, 0.4, 0.6, 0.9], dtype=torch.float64)
    whole = model.predict_endpoint(x, t, model.first_guess(x))
    monkeypatch.setattr("molvm.models.flowmol.ctmc.model.MOLECULES_AT_ONCE", 1)
    assert largest_difference(model.predict_endpoint(x, t, model.first_guess(x)), whole) <= 1e-10


def test_molecules_leave_out_what_is_no_atom(model: CtmcModel) -> None:
    """Fake atoms and masks go, with their bonds; masked bonds are none."""
    config = model.config
    x = model.noise(torch.tensor([5]), 1, torch.Generator().manual_seed(0))
    types = torch.tensor([0, len(config.elements), 1, 3, 2])  # C, fake or masked, H, O, N
    charges = torch.tensor([2, 2, 2, 1, 3])
    # Pairs (0,1) (0,2) (0,3) (0,4) (1,2) (1,3) (1,4) (2,3) (2,4) (3,4).
    bonds = torch.tensor([1, 1, 2, 0, 1, 1, 1, config.n_bonds, 0, 0])
    given = dict(zip(TOKENS, (types, charges, bonds), strict=True))
    parts = {name: Places.of(x, name).put(tokens, x.parts[name].shape[-1], x.dtype) for name, tokens in given.items()}
    (molecule,) = model.decode(x.replace({**x.parts, **parts}))
    assert molecule.elements.tolist() == [6, 1, 8, 7]
    assert molecule.formal_charges.tolist() == [0, 0, -1, 1]
    assert molecule.bonds.tolist() == [[0, 1], [0, 2]]
    assert molecule.orders.tolist() == [1, 2]
    assert torch.equal(torch.tensor(molecule.positions).float(), x.positions[0, [0, 2, 3, 4]])


def test_a_molecule_of_nothing_is_empty(model: CtmcModel) -> None:
    (molecule,) = model.decode(model.noise(torch.tensor([3]), 1))
    assert len(molecule.elements) == 0


def test_impossible_sizes_are_refused(model: CtmcModel) -> None:
    with pytest.raises(ModelError, match="2 atoms or more"):
        model.generate(torch.tensor([1]), 1)


def test_round_trip_through_a_directory(model: CtmcModel, tmp_path: Path) -> None:
    chosen = model.with_options(eta=3.0, temperature="decay")
    save_model(chosen, tmp_path / "mine")
    loaded = load_model(tmp_path / "mine", precision="float32")
    assert isinstance(loaded, CtmcModel)
    assert (loaded.config, loaded.options, loaded.sizes) == (chosen.config, chosen.options, chosen.sizes)
    assert loaded.card["kind"] == "flowmol-ctmc"
    first, second = (each.generate(None, 3, torch.Generator().manual_seed(4)) for each in (loaded, chosen))
    assert largest_difference(first, second) == 0
    with pytest.raises(ConfigError, match="cannot be written"):
        save_model(model.with_options(temperature=lambda t: 1.0), tmp_path / "other")
    assert not (tmp_path / "other").exists()
